"""What people say to an assistant, by what they want. (a|b) are choices, {slots} are filled in; one pattern a line."""

from __future__ import annotations

from grammar import split_lines

PATTERNS: dict[str, list[str]] = {
    name: split_lines(text)
    for name, text in {
        "time": """
(what|what's) time (is it|)(| now| please| right now)
what time is it
what time is it (now|right now|please|exactly)
what's the time
what's the time (now|please)
what is the time
what is the (current|exact) time
(can|could) you tell me (the time|what time it is)(| please)
tell me (the time|what time it is)
(do you|you) (know|have) (the time|what time it is)
(hey|hi|hello|okay) what time is it
how late is it
time please
(give me|i need) the (current|) time
(the|current) time
(i'd like|i would like|i want) to know (the time|what time it is)
what does the clock say
what hour is it
(please|) check the (time|clock)
so what time is it
read me the time
is it late
how late is it (already|now)
""",
        "time_place": """
what time is it in {place}
what time is it (now|right now|currently|at the moment) in {place}
what's the time in {place}
what's the time (right now|now|over there) in {place}
what is the (current|local|) time in {place}
(what's|what is) the local time in {place}
(can|could) you tell me (the|what) time (it is|) in {place}
tell me (the|what) time (it is|) in {place}
(do you|) know (the time|what time it is) in {place}
in {place} what time is it
time in {place}
{place} time
how late is it in {place}
what time do they have in {place}
what time would it be in {place} (right|) now
(i need|give me|i want) the time in {place}
(hey|okay|hi) what time is it in {place}
my (friend|sister|brother|boss) is in {place} what time is it there
is it (late|early|morning|night) in {place}
what hour is it in {place}
(check|look up|find out) the time in {place}
the time in {place} please
if i call {place} now what time is it there
i'd like to know what time it is in {place}
current time {place}
what does the clock say in {place}
""",
        "place_follow": """
(and|what about|how about|and what about|and how about|) in {place}
(and|what about|how about|and what about) {place}
(and|) what time is it in {place} then
and {place}
{place}
what (is it|time is it) in {place}
(okay|ok|thanks) and in {place}
(now|then) for {place}
the same for {place}
and over in {place}
""",
        "day": """
what day is (it|it today|today)
what (date|day) is today
(what's|what is) (the|today's) date(| today| please)
(what's|what is) the day today
(tell me|give me) (the|today's) date
which day is it (today|)
what is today's date
(do you know|can you tell me) (the date|today's date|what day it is|what day it is today|the date today)
(today's|the) date(| please)
what day of the week is it(| today)
what's today
is it (monday|tuesday|wednesday|thursday|friday|saturday|sunday)(| today)
what weekday (is it|is it today|do we have)
what date do we have today
i (forgot|don't know) what day it is
what (month|year) is it
""",
        "day_place": """
what day is it in {place}
(what's|what is) the date in {place}
(what's|what is) today's date in {place}
(tell me|do you know) what day it is in {place}
which day is it in {place}
is it already tomorrow in {place}
(what|which) (day|date) do they have in {place}
""",
        "tomorrow": """
what (day|date) is (it|) tomorrow
what day will (it be|be) tomorrow
(what's|what is) tomorrow's date
(what's|what is) the (date|day) tomorrow
which day is tomorrow
(tell me|do you know) (tomorrow's date|what day tomorrow is|what day it is tomorrow)
what is tomorrow
what day comes after today
tomorrow's date (please|)
""",
        "tomorrow_follow": """
(and|what about|how about|and what about|and how about) tomorrow
tomorrow
(and|) what about the day after today
(and|) what is it tomorrow
(okay|ok|thanks) and tomorrow
and what day is tomorrow
""",
        "yesterday": """
what (day|date) was (it|) yesterday
(what's|what is|what was) yesterday's date
(what's|what was|what is) the (date|day) yesterday
which day was (it|) yesterday
what was yesterday
(tell me|do you know) (yesterday's date|what day yesterday was|what day it was yesterday)
""",
        "yesterday_follow": """
(and|what about|how about|and what about|and how about) yesterday
yesterday
and what was yesterday
(okay|ok|thanks) and yesterday
""",
        "in_days": """
what (day|date) is it in {days} days
what (day|date) will it be in {days} days
what (day|date) is {days} days from (now|today)
(what's|what is) the date {days} days from (now|today)
(what's|what is|tell me) the date in {days} days
in {days} days what (day|date) is it
which (day|date) is it in {days} days
what day of the week is it {days} days from (now|today)
what day of the week will it be in {days} days
{days} days from (now|today) is what day
""",
        "days_follow": """
(and|what about|how about|and what about) in {days} days
in {days} days
(and|) {days} days from (now|today)
""",
        "days_ago": """
what (day|date) was it {days} days ago
which (day|date) was {days} days ago
(what's|what was|what is|tell me) the date {days} days ago
{days} days ago what (day|date) was it
what day of the week was it {days} days ago
what was the date {days} days ago
""",
        "calc": """
(what's|what is) {expr}
(what's|what is) {expr} (please|equal to|)
how much is {expr}
(calculate|compute) {expr}
(can|could) you (calculate|work out|compute|tell me) {expr}
(work out|figure out) {expr}
{expr}
{expr} (equals|is|is what|equals what|please)
(tell me|give me) {expr}
what does {expr} (equal|make|come to|give)
what do you get (for|when you do) {expr}
(do you know|can you tell me) (what|how much) {expr} is
(hey|okay|so|and) (what's|what is) {expr}
i need (to know|) {expr}
(quick|) maths question what is {expr}
what would {expr} be
(please|) (solve|evaluate) {expr}
(i want to know|i'd like to know) (what|how much) {expr} is
the result of {expr}
what's the (result|answer|value) of {expr}
how many is {expr}
let's (see|calculate) {expr}
help me (with|calculate) {expr}
what comes out of {expr}
""",
        "calc_add": """
add {a} and {b}
(what's|what is) the sum of {a} and {b}
(add|sum up) {a} (and|to) {b}
(can you|please|) add {a} and {b}
what do {a} and {b} (make|add up to)
the sum of {a} and {b}
{a} and {b} (makes|make) (what|how much)
""",
        "calc_multiply": """
multiply {a} (by|with|and) {b}
(what's|what is) the product of {a} and {b}
(can you|please|) multiply {a} (by|with) {b}
what do you get if you multiply {a} by {b}
""",
        "calc_divide": """
divide {a} by {b}
(can you|please|) divide {a} by {b}
what do you get if you divide {a} by {b}
split {a} by {b}
""",
        "calc_subtract": """
subtract {b} from {a}
take {b} (from|away from) {a}
(what's|what is) {b} less than {a}
(what's|what is) the difference between {a} and {b}
(can you|please|) subtract {b} from {a}
""",
        "calc_follow": """
{op}
and {op}
(now|then|and then|okay|ok) {op}
(and|) (that|this|the result|it) {op}
what is (that|the result|it) {op}
(and|) what about (that|it) {op}
(and|) if (i|you) (take|make) (that|it) {op}
how much is that {op}
(calculate|take|make) that {op}
what's that {op}
""",
        "units": """
(convert|change) {amount} {from} (to|into) {to}
(can you|please|could you) convert {amount} {from} (to|into) {to}
(what's|what is) {amount} {from} in {to}
how (much|many|) (is|are) {amount} {from} in {to}
how many {to} (is|are|are in|are there in|make) {amount} {from}
how many {to} (is|are in) {amount} {from}
{amount} {from} in {to}
{amount} {from} (to|into) {to}
{amount} {from} (is|are) how many {to}
(tell me|give me) {amount} {from} in {to}
how (far|long|much|big) is {amount} {from} in {to}
(hey|okay|so|and) how many {to} are {amount} {from}
what does {amount} {from} (make|come to) in {to}
(express|write) {amount} {from} in {to}
i have {amount} {from} how many {to} is that
(do you know|can you tell me) how many {to} {amount} {from} (is|are)
{amount} {from} how much is that in {to}
what would {amount} {from} be in {to}
(turn|translate) {amount} {from} into {to}
i need {amount} {from} in {to}
work out {amount} {from} in {to}
it is {amount} {from} what is that in {to}
""",
        "units_one": """
how many {to} (are|are there) in (a|an|one) {one}
how many {to} (does|do) (a|an|one) {one} have
how many {to} (make|make up) (a|an|one) {one}
how many {to} to (a|an|the) {one}
(what's|what is) (a|an|one) {one} in {to}
how (long|much|big) is (a|an|one) {one} in {to}
how many {to} (is|has) (a|an|one) {one}
""",
        "units_to_follow": """
(and|what about|how about|and what about|) in {to}
(and|) how many {to} is that
(and|) what is that in {to}
how much is that in {to}
(now|then) in {to}
(and|) (convert|turn) (that|it) (to|into) {to}
""",
        "units_amount_follow": """
(and|what about|how about|and what about) {amount}
(and|) {amount} {from}
(what about|how about|and) {amount} {from}
(and|) if it is {amount}
(okay|now|thanks) and {amount}
""",
        "timer": """
set a timer for {dur}
set a timer (for|to) {dur} (please|now|)
(start|make|create|begin|put on) a timer for {dur}
(can|could|would) you (set|start) a timer for {dur}
(please|) set a {attr} timer
(start|make|give me|i need|i want) a {attr} timer
(set|start) (the|a|another|a new|one more) timer (for|of) {dur}
timer (for|of|) {dur}
{attr} timer
{attr} timer (please|now)
(count|count down) {dur}
(start|set|do) a countdown (of|for) {dur}
(tell|alert|notify|ping) me (in|after) {dur}
let me know (when {dur} are over|when {dur} have passed|in {dur}|after {dur})
(wake me|wake me up) in {dur}
(set|start) an alarm (in|for) {dur}
an alarm in {dur} please
put {dur} on the (timer|clock)
(hey|okay|hi) set a timer for {dur}
i need a timer for {dur}
i'd like (a timer for {dur}|a {attr} timer)
i'd like a {attr} timer
time {dur} (for me|please|)
(set|start) {dur} on the timer
set the timer to {dur}
let a timer run for {dur}
""",
        "timer_follow": """
(and|) another (one|timer) for {dur}
(and|) (one|a second one|one more) for {dur}
(and|) another {attr} timer
(also|and also) (set|start) (one|a timer) for {dur}
(and|now|then) (a timer|one) for {dur}
(make|set) another one for {dur}
(set|start) a second (one|timer) for {dur}
""",
        "timer_two": """
set a timer for {dur} and (another|another one|one|a second one) for {dur2}
(set|start) two timers (one|) for {dur} and (one for|) {dur2}
(start|set) timers for {dur} and {dur2}
i need two timers {dur} and {dur2}
(set|start) a {attr} timer and a {attr2} timer
(can you|please) set two timers for {dur} and {dur2}
timers for {dur} and for {dur2}
""",
        "timer_label": """
set a timer for the {label} for {dur}
set a {label} timer for {dur}
(start|make|create) a {label} timer (for|of) {dur}
set a {attr} timer for the {label}
set a {attr} {label} timer
{label} timer for {dur}
{label} timer {dur}
i need a {label} timer for {dur}
set a timer for {dur} for the {label}
set a timer called {label} for {dur}
(can you|please) (start|set) a {attr} timer for (the|my) {label}
{dur} for the {label}
""",
        "remind": """
remind me in {dur} to {task}
remind me to {task} in {dur}
(can|could|would) you remind me (in {dur} to {task}|to {task} in {dur})
(please|) remind me to {task} in {dur}
in {dur} remind me to {task}
(set|make|create) a reminder (in {dur} to {task}|to {task} in {dur})
set a reminder to {task} in {dur}
set a reminder for {dur} to {task}
(tell|ping) me (in {dur} to {task}|to {task} in {dur})
(i need|i want|i have) to {task} in {dur} remind me
don't let me forget to {task} in {dur}
give me a reminder in {dur} to {task}
{dur} from now remind me to {task}
reminder in {dur} {task}
(i should|i must|i need to) {task} in {dur} (please|) remind me
(hey|okay) remind me to {task} in {dur}
remind me about this in {dur} {task}
after {dur} remind me to {task}
""",
        "remind_bare": """
remind me to {task}
(can you|please) remind me to {task}
set a reminder to {task}
(i want|i need) a reminder to {task}
don't let me forget to {task}
""",
        "remind_when": """
in {dur}
{dur}
(make it|) in {dur} please
after {dur}
{dur} from now
(remind me|do it) in {dur}
""",
        "cancel": """
cancel (it|that|this)
(cancel|stop|delete|remove|end) the timer
(cancel|stop|delete|remove|end) (it|that timer|my timer|this timer)
(turn|switch) (off|it off|the timer off)
(forget|drop|clear) the timer
i don't need (the timer|it) (anymore|any more)
(please|can you) (cancel|stop) (the timer|it|that)
(cancel|stop|delete) the (last|latest) (timer|one|reminder)
cancel the reminder
(actually|no|wait) cancel (that|it|the timer)
(delete|remove) (it|that|the reminder) again
kill the timer
""",
        "cancel_all": """
(cancel|stop|delete|remove|clear|end) all (timers|the timers|my timers|of them|reminders|timers please)
(cancel|stop|delete|remove|clear) (everything|every timer|them all)
(please|can you) (cancel|stop|delete) all (timers|of them|my timers)
(turn|switch) off all (timers|the timers)
cancel (both|both timers|both of them)
no more timers please
""",
        "cancel_which": """
(cancel|stop|delete|remove|end) the {which} (timer|one)
(cancel|stop|delete|remove|end) the {which} timer
(please|can you) (cancel|stop|delete) the {which} timer
(stop|cancel) (my|the) timer for (the|) {which}
(turn off|kill|drop) the {which} timer
i don't need the {which} timer (anymore|any more)
the {which} timer can go
(delete|cancel) timer {number}
cancel timer number {number}
(stop|remove) number {number}
cancel the {which} one
""",
        "cancel_task": """
(cancel|delete|remove) the reminder to {task}
(cancel|delete|drop) (my|the) reminder (to|about) {task}
you don't have to remind me to {task}
i don't need to be reminded to {task}
(please|can you) (cancel|delete) the reminder to {task}
""",
        "list": """
(which|what) timers (are set|do i have|are running|are there)
(list|show|tell|read) (me|) (my|the|all) timers
how (much|long) (time|) (is|have i) (left|got)(| on the timer| on my timer)
how much time is left(| on the timer| on my timer)
how long (is left|until the timer rings|does the timer have|does the timer have left)
(what|which|list|read|tell me) (my|the) reminders
do i have (any|) (timers|reminders)(| set| running)
(is|are) (there|) any timers (set|running|on)
(what's|what is) (left|) on the timer
when does (it|the timer|my timer) (ring|go off|end)
(what|which) reminders (do i have|are set|are there)
how is the timer doing
timer status
check (my|the) (timers|timer|reminders)
what am i waiting for
how many timers (do i have|are running|are set)
""",
        "remember": """
remember (that|) {fact}
remember (that|this|) {fact}
(please|) remember that {fact}
(can|could) you remember (that|) {fact}
(make|take) a note (that|) {fact}
(note|note down|write down|keep in mind) (that|) {fact}
don't forget (that|) {fact}
(i want|i need|i'd like) you to remember (that|) {fact}
(save|store|memorize) (that|) {fact}
(for later|for the future|for next time) remember {fact}
(hey|okay) remember (that|) {fact}
{fact} (remember that|please remember that|remember it|don't forget that|keep that in mind)
{fact} (please|can you|could you) remember (that|it)
(let it be noted|you should know) that {fact}
(put|keep) in your memory that {fact}
will you remember that {fact}
""",
        "recall": """
{ask}
{ask} (again|please|)
(hey|okay|so|and|hi) {ask}
(can you tell me|do you remember|do you know|tell me) {query}
(what do you|do you) (know|remember) about {query}
what did i (say|tell you) about {query}
(what was it|remind me what i said) about {query}
did i tell you (about|) {query}
(look|check) in your memory (for|) {query}
(recall|look up) {query}
do you (still|) (have|remember) {query}
what have i told you about {query}
i forgot {query}
(i can't|i don't) remember {query}
(what's|what is) in your memory about {query}
""",
        "forget": """
forget (about|) {query}
(please|can you|could you) forget (about|) {query}
(delete|erase|remove|clear) (what you know about|what i said about|the memory of) {query}
(delete|erase|remove) {query} (from your memory|from memory)
(you can|you should|you may) forget {query} (now|again|)
don't remember {query} (anymore|any more)
(forget|delete) what i (told you|said) about {query}
(wipe|drop) {query} from your memory
(strike|scratch) {query} from your memory
remove what you know about {query}
""",
        "search": """
what does the {doc} say about the {x}
(search|look|look up|check) (in|) (my|the) (documents|files|document) for {q}
(search|look in) my (documents|files|papers) for {q}
(according to|as per) the {doc} {q}
{q} according to (the {doc}|my documents|my files)
(look|check|search) (in|) the {doc} {q}
(look|search|check) in the {doc} for the {x}
(in|from) the {doc} {q}
(can you|could you|please) (look up|find|check) in (my documents|my files|the {doc}) {q}
(can you|please) search (my documents|my files|the {doc}) for {q}
(find|find me) {q} in (my documents|my files|the {doc})
(what|anything) (do my documents|does the document|do my files) say about the {x}
is there anything about the {x} in (my documents|my files|the {doc})
what (is written|is|does it say) in the {doc} about the {x}
what does it say about the {x} in the {doc}
(tell me|do you know) what the {doc} says about the {x}
(ask|consult) (my documents|the {doc}) {q}
does the {doc} say {q}
does the {doc} mention the {x}
i need to know from the {doc} {q}
(use|read) my documents and tell me {q}
""",
        "search_follow": """
(and|) what (about|does it say about) the {x}
(and|) {q}
(and|what about|how about) the {x}
(does it|what does it) (also|) say (anything|something|) about the {x}
""",
        "read": """
read (me|) the {doc}
(can|could) you read (me|) the {doc}
(open|show me|read out|read aloud) the {doc}
(please|) read (the|my) {doc} (to me|aloud|out loud|)
what is in the {doc}
what's in the {doc}
what does the {doc} say
read the document {doc}
i want to hear the {doc}
let me hear the {doc}
""",
        "read_page": """
read (me|) page {page} of the {doc}
(can you|please) read page {page} of the {doc}
read (me|) the {doc} page {page}
(open|show me) page {page} of the {doc}
what is on page {page} of the {doc}
what does page {page} of the {doc} say
(what's|what is) on page {page} of the {doc}
turn to page {page} of the {doc}
(in|from) the {doc} read page {page}
""",
        "page_follow": """
(and|now|) (read|) page {page}
(and|now|) (what about|how about) page {page}
(and|then|) (go|turn) to page {page}
what is on page {page}
page {page} please
""",
        "hello": """
hello
hi
hey
good (morning|evening|afternoon|day)
hello (there|wren|assistant|computer)
(hi|hey) (there|wren|you|assistant|computer)
hello can you hear me
(hi|hello|hey) (it's me|i'm back|everyone)
greetings
(are you|is anybody|is anyone) there
hello hello
testing (one two three|testing|)
""",
        "how": """
how are you
how are you (today|doing|doing today|feeling)
(hello|hi|hey) how are you
how (do you do|is it going|are things)
(are you|you) (okay|fine|well|good)
how's it going
how do you feel (today|)
what's up
""",
        "thanks": """
thank you
thanks
thanks (a lot|so much|very much|for that|for your help|for the help|wren)
thank you (very much|so much|for your help|for that|wren|kindly)
(great|okay|ok|perfect|good|cool|nice|wonderful|lovely) (thanks|thank you)
that's (great|helpful|perfect|good|nice) (thank you|thanks|)
(cheers|much appreciated)
(very|really|) (good|nice|well done|helpful)
that was helpful
you are (great|very helpful|the best)
""",
        "bye": """
goodbye
bye
bye (bye|now)
see you (later|soon|tomorrow|then)
good (night|bye)
(that's all|that is all|that was all|i'm done|we're done)(| for now| for today| thanks| thank you)
(talk to you|see you|until) (later|tomorrow|soon)
(farewell|so long|take care)
have a (nice|good) (day|evening|night|one)
(thanks|okay|ok) (bye|goodbye)
i (have to go|must go|am leaving|need to go) (now|)
""",
        "ok": """
okay
ok
yes
no
never mind
(stop|quiet|be quiet|silence|enough)
(all right|alright|right)
(oh|ah|hm|hmm) (okay|ok|)
(no|nope) (thanks|thank you)
i see
got it
forget it
(sure|fine|sounds good|good|great)
(nothing|no nothing|it's nothing)
yes please
(sorry|excuse me|my mistake|pardon me)
""",
        "help": """
what can you do
what can you do (for me|to help me)
help
(i need|can you give me|please) help
(can you|could you|will you) help me
(help me|please help me)
what (are you able|do you know how) to do
what (can|could|should|may) i ask (you|)
what (do you know|are you good at|are you for|are your skills|are your abilities|functions do you have)
how (can you help|can you help me|does this work|do i use you|do you work|do i use this)
(what are|tell me|list) your (features|functions|abilities|skills|options|commands)
(tell|show) me what you can do
what kind of (things|questions) can (you do|i ask|you answer)
what is this
(what are the|which) commands (are there|do you know|)
""",
        "who": """
who are you
what are you
what is your name
what's your name
(do you have|have you got) a name
(tell me|introduce) (about|) yourself
are you (a robot|human|a person|real|an ai|a computer|alive|a machine|chat gpt|alexa|siri)
(which|what) (model|language model|ai|kind of ai) are you
who (made|built|created|trained|developed) you
what should i call you
who am i (talking|speaking) to
(am i|are we) talking to a (human|robot|machine|person|computer)
how (big|large|smart|old) are you
where do you (run|live)
are you (connected to|on) the internet
(do you|are you going to) send my data (away|anywhere|to the cloud)
""",
        "larger": """
how (can|do) i (connect|use|plug in|get|install|add) a (larger|bigger|better|different|real) (language|) model
how (can|do) i make you (smarter|better|more intelligent)
(can|could) (i|you) use a (bigger|larger|better|different) model
(can you|how do i) connect (you|) to (ollama|chat gpt|open ai|mistral|llama|v llm|a larger model|a language model)
what is (the|) llm url
what does llm url (mean|do)
how do i (switch|change) (the|your|to another) (language|) model
how do i use (ollama|my own model|mistral|llama|another model)
why (are you|is your model) so (small|limited|simple)
why (can't|don't) you (answer|know) (that|this|more|anything)
how (could|can) you (learn|know|answer) more
(is there|are there) a (better|bigger|larger) (version|model)
how do i get better answers
""",
        "repeat": """
(say|repeat) that again
(can|could) you (say|repeat) that (again|please|)
(please|) repeat (that|it|)
what did you (just|) say
what was that
(sorry|pardon) what
i (didn't|did not) (hear|catch|get) that
come again
once more please
again please
(say|tell) (it|me) again
(one more time|once again)(| please)
pardon
excuse me what did you say
""",
    }.items()
}
