"""A conversation by text message: commands, and answers to what we asked. Its state is in PostgreSQL.

Cries for help, STOP, START and HELP come first and are not handled here (`messages`). Whatever is neither a command nor
an answer gets the answer of `messages` to unknown words, at most once a day.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from notify.core.settings import settings
from notify.delivery import held_language
from notify.inbound import (
    join_by_text,
    own_alerts,
    question_answers,
    reminder_commands,
    residents_questions,
    still_out,
    topic_commands,
)
from notify.inbound.commands import is_whole_city
from notify.inbound.heard import Heard, Outcome
from notify.models import Subscriber

Act = Callable[[Heard], Outcome | None]


def respond(heard: Heard) -> Outcome | None:
    """Act on a command or an answer, and return the reply. None: the text is neither."""
    command, asked = heard.command, heard.talk.asked
    if asked in join_by_text.ASKS and is_whole_city(heard.text):  # CITY alone is a topic, but not as an answer
        return join_by_text.whole_city(heard, heard.talk)
    if command is not None and command.name in COMMANDS:
        return COMMANDS[command.name](heard)
    if asked in question_answers.QUESTIONS:
        return question_answers.answer(heard)
    if asked in join_by_text.ASKS:
        return join_by_text.answer(heard)
    if asked == still_out.ASK and (picked := still_out.answer(heard)) is not None:
        return picked
    return residents_questions.answer(heard)


def _topics(heard: Heard) -> Outcome:
    assert heard.command is not None  # noqa: S101  what calls this
    if heard.command.name == "stop_topics":
        return topic_commands.leave(heard, heard.command.topics)
    return topic_commands.add(heard, heard.command.topics, starts=heard.command.name == "start_topics")


def _mute(heard: Heard) -> Outcome:
    assert heard.command is not None  # noqa: S101  what calls this
    return topic_commands.mute(heard, heard.command.days, heard.command.weekday)


def _speak(language: str) -> Act:
    """Return what changes the language of the conversation, and of the resident."""

    def speak(heard: Heard) -> Outcome:
        if language not in settings().languages:
            return Outcome("language_unknown", heard.talk)
        talk = replace(heard.talk, language=language)
        if heard.resident is not None:
            heard.s.get_one(Subscriber, heard.resident).language = language
            held_language.follow(heard.s, heard.resident, language)
            talk = replace(talk, language="")
        key = "language_ask" if talk.asked in join_by_text.ASKS else "language"
        return Outcome(key, talk, language=language)

    return speak


COMMANDS: Mapping[str, Act] = {
    "join": join_by_text.join,
    "status": own_alerts.status,
    "am_i_on": own_alerts.am_i_on,
    "where": own_alerts.where,
    "bin": own_alerts.bin_day,
    "remind": reminder_commands.remind,
    "remind_off": reminder_commands.no_more,
    **dict.fromkeys(still_out.COMMANDS, still_out.said),
    "english": _speak("en"),
    "spanish": _speak("es"),
    "topics": _topics,
    "start_topics": _topics,
    "stop_topics": _topics,
    "start_all": topic_commands.all_topics,
    "mute": _mute,
    "unmute": topic_commands.unmute,
}
