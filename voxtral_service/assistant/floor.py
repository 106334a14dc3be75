"""Who has the floor, as a table.

    state       signal     next        action
    ---------   --------   ---------   ------------------------------------------------------------
    listening   pause      guessing    begin an answer to the words so far, which nobody hears yet
    listening   question   answering   answer
    listening   create     answering   answer
    listening   announce   answering   say what has come due, such as a timer
    guessing    words      guessing    there were more words: begin anew
    guessing    resumed    listening   forget the guess
    guessing    nothing    listening   forget the guess
    guessing    cancel     listening   forget the guess
    guessing    done       listening   it failed before anybody heard of it
    guessing    guessed    answering   the guess was right: let it be heard
    guessing    question   answering   it was not: answer
    guessing    create     answering   answer
    answering   speech     listening   the person interrupts
    answering   sound      doubtful    a word of assent, or an interruption?
    answering   question   answering   stop, answer anew
    answering   cancel     listening   stop
    answering   done       listening   all of it has been heard
    doubtful    nothing    answering   it was assent
    doubtful    speech     listening   it was an interruption
    doubtful    question   answering   it was one, and is over already
    doubtful    cancel     listening   stop
    doubtful    done       listening   all of it has been heard

What is not in the table changes nothing.
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Who has the floor."""

    LISTENING = "listening"
    GUESSING = "guessing"
    ANSWERING = "answering"
    DOUBTFUL = "doubtful"


class Signal(Enum):
    """What happened."""

    PAUSE = "pause"
    WORDS = "words"
    RESUMED = "resumed"
    NOTHING = "nothing"
    GUESSED = "guessed"
    QUESTION = "question"
    SOUND = "sound"
    SPEECH = "speech"
    CREATE = "create"
    ANNOUNCE = "announce"
    CANCEL = "cancel"
    DONE = "done"


class Action(Enum):
    """What to do about it."""

    GUESS = "guess"
    ANSWER = "answer"
    ANNOUNCE = "announce"
    FORGET = "forget"
    RELEASE = "release"
    INTERRUPT = "interrupt"
    STOP = "stop"
    DOUBT = "doubt"
    CARRY_ON = "carry on"
    FINISH = "finish"


TABLE: dict[tuple[State, Signal], tuple[State, Action]] = {
    (State.LISTENING, Signal.PAUSE): (State.GUESSING, Action.GUESS),
    (State.LISTENING, Signal.QUESTION): (State.ANSWERING, Action.ANSWER),
    (State.LISTENING, Signal.CREATE): (State.ANSWERING, Action.ANSWER),
    (State.LISTENING, Signal.ANNOUNCE): (State.ANSWERING, Action.ANNOUNCE),
    (State.GUESSING, Signal.WORDS): (State.GUESSING, Action.GUESS),
    (State.GUESSING, Signal.RESUMED): (State.LISTENING, Action.FORGET),
    (State.GUESSING, Signal.NOTHING): (State.LISTENING, Action.FORGET),
    (State.GUESSING, Signal.CANCEL): (State.LISTENING, Action.FORGET),
    (State.GUESSING, Signal.DONE): (State.LISTENING, Action.FORGET),
    (State.GUESSING, Signal.GUESSED): (State.ANSWERING, Action.RELEASE),
    (State.GUESSING, Signal.QUESTION): (State.ANSWERING, Action.ANSWER),
    (State.GUESSING, Signal.CREATE): (State.ANSWERING, Action.ANSWER),
    (State.ANSWERING, Signal.SPEECH): (State.LISTENING, Action.INTERRUPT),
    (State.ANSWERING, Signal.SOUND): (State.DOUBTFUL, Action.DOUBT),
    (State.ANSWERING, Signal.QUESTION): (State.ANSWERING, Action.ANSWER),
    (State.ANSWERING, Signal.CANCEL): (State.LISTENING, Action.STOP),
    (State.ANSWERING, Signal.DONE): (State.LISTENING, Action.FINISH),
    (State.DOUBTFUL, Signal.NOTHING): (State.ANSWERING, Action.CARRY_ON),
    (State.DOUBTFUL, Signal.SPEECH): (State.LISTENING, Action.INTERRUPT),
    (State.DOUBTFUL, Signal.QUESTION): (State.ANSWERING, Action.ANSWER),
    (State.DOUBTFUL, Signal.CANCEL): (State.LISTENING, Action.STOP),
    (State.DOUBTFUL, Signal.DONE): (State.LISTENING, Action.FINISH),
}
