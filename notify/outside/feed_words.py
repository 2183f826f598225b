"""Why a feed, or a message in it, could not be read, in the reader's language: it is stored in English."""

from notify.core.restated import Sentences
from notify.core.translation import gettext_noop

SENTENCES = Sentences(
    gettext_noop("a message without an identifier"),
    gettext_noop("a feature without an id"),
    gettext_noop("it does not say when it was sent"),
    gettext_noop("its %(of)s, %(words)s, is not a time with an offset"),
    gettext_noop("its %(of)s, %(words)s, is not a time"),
    gettext_noop("its time sent, %(words)s, is still to come"),
    gettext_noop("its area has more than %(most)s corners"),
    gettext_noop("a part of its area crosses itself and has more than %(most)s corners"),
    gettext_noop("its messages take more than %(seconds)s seconds: those after them are not read"),
    gettext_noop("a polygon of its area has fewer than 4 corners"),
    gettext_noop("%(words)s in its area is not latitude,longitude"),
    gettext_noop("%(words)s in its area is not a number"),
    gettext_noop("its address is not a web address"),
    gettext_noop("its address is neither https nor on the feed's own server"),
    gettext_noop("its address cannot be asked"),
    gettext_noop("the name of its server is unknown"),
    gettext_noop("its address leads into a private network"),
    gettext_noop("the certificate of its server is not trusted"),
    gettext_noop("no answer within %(seconds)s s"),
    gettext_noop("no connection within %(seconds)s s"),
    gettext_noop("its document is longer than 4 MB; ask for the city's own zones only"),
    gettext_noop("no answer (%(why)s)"),
    gettext_noop("it answers %(status)s and points to %(address)s, which is not followed"),
    gettext_noop("it answers %(status)s"),
)
