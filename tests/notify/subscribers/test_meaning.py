"""What residents write, and what it means: sentences that ask for a stop, and sentences that merely mention one."""

import pytest

from notify.subscribers import read_meaning

STOP = """
stop
STOP
Stop.
 sToP!!!
"STOP"
STOP STOP STOP
stopall
stop all
quit
END
end
revoke
opt out
opt-out
Optout
cancel
unsubscribe
Please stop
STOP please
stop, thank you
STOP 2 END
stop it
Stop!!! wrong person
please stop sending me these
Please STOP texting this number
take me off
take me off your list
Take my number off this list please
remove me
Remove my number.
I want to opt out
how do I unsubscribe?
I'd like to unsubscribe from these alerts
can you stop texting me
will you please stop sending these
stop these messages
Stop the alerts
stop all storm alerts
I want to cancel
I want you to stop
i said stop
please just stop
I told you to STOP
I asked you people to STOP already
no more texts
No more of these messages please
don't text me
Do not text me again
do not contact me anymore
don't send me these
dont want these messages
I don\u2019t want to receive these alerts
I no longer want these alerts
i do not wish to get these texts
quit texting me
cancel my subscription
Please cancel these alerts
end these messages
cancel this
Leave me alone
lose my number
wrong number
I revoke my consent
Unsuscribe
unsubscribed please
help me unsubscribe
Did you not read? Stop texting me
yes stop
No, stop
alto
ALTO
parar
Cancelar
baja
BAJA por favor
no más
ya no
¡Basta!
Por favor dejen de enviar mensajes
no me envíen más mensajes
No me manden nada
no quiero recibir estos mensajes
ya no quiero alertas
No más mensajes
quiero darme de baja
dame de baja
cancelar mi suscripción
cancelen estas alertas
Quítenme de la lista
borren mi número
Número equivocado
detengan los mensajes
"""

OTHER = """
don't stop
Don\u2019t stop sending these
please do not stop the alerts
never stop
do not unsubscribe me
the bus stop is flooded
Bus stop at 5th and Main is under water
There is water at the stop
stop sign down at Elm
Stop sign is missing on 4th street
the traffic light at the stop is out
I am at the bus STOP
stop light is out on Broad
When will the rain stop
when will this storm end?
will it ever end
the rain won't stop
the snow does not stop
is school cancelled?
did they cancel the alert
has the alert been cancelled
When do these alerts end?
are they going to cancel trash pickup
what time does the warning end
End of the road is flooded
end street has no power
the end is near
Thanks
thank you for your help
ok
yes we are fine here
no
Power is out on my street
tree down on 3rd
who is this
I quit my job
they want the bus to stop here
no cancelen mis alertas
no paren las alertas
no para de llover
La parada de autobús está inundada
alto nivel de agua en la calle
la calle baja está inundada
Gracias por la ayuda
¿Cuándo termina la tormenta?
para mi casa no hay luz
Liked “STORM: High wind in Riverside. Reply STOP to end.”
Disliked “Stop these texts? Reply STOP to end.”
Le gustó “TORMENTA. Responda STOP para cancelar.”
Is this real? "STORM WARNING for Riverside. Reply STOP to end."
Storm: high wind in Riverside. Reply STOP to end.
"""

START = """
start
START
Start!
yes
YES please
unstop
sí
Si
opt in
empezar
"""

HELP = """
help
HELP
Help!
info
INFO
ayuda
Ayuda por favor
información
help me
I need help, the water is rising
necesito ayuda
"""


@pytest.mark.parametrize("text", STOP.strip("\n").splitlines())
def test_a_request_to_stop_in_any_words(text: str) -> None:
    assert read_meaning(text) == "stop"


@pytest.mark.parametrize("text", [*OTHER.strip("\n").splitlines(), "", "   ", "?!", "\U0001f44d"])
def test_a_sentence_that_only_mentions_a_stop(text: str) -> None:
    assert read_meaning(text) == "other"


@pytest.mark.parametrize("text", START.strip("\n").splitlines())
def test_starting_again_takes_the_exact_word(text: str) -> None:
    assert read_meaning(text) == "start"


@pytest.mark.parametrize("text", HELP.strip("\n").splitlines())
def test_a_request_for_help(text: str) -> None:
    assert read_meaning(text) == "help"


def test_a_text_of_any_length_is_read_in_no_time() -> None:
    """Nobody can hold a web server up with a text that the patterns take long for."""
    for words in (
        "stop all of the these ",
        "i want you all everything to ",
        "no more of the these all any my ",
        '"',
        "“",
    ):
        assert read_meaning(words * (1600 // len(words))) in ("stop", "other")
