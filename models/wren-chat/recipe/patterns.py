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
(what|which) time do we have(| now)
(tell|give) me the (exact|current|right) time
(can|could) you (check|see) what time it is
(have you|you) got the time
(got|any idea of) the time
what's the time (here|where i am|by your clock)
(just|quickly|) (tell|give) me the time
(how|what) late do we have
i wonder what time it is
i (lost|have lost) track of time what time is it
what time (are we at|have we got|is it here|is it by now)
(is it|are we) (past|after) (noon|midnight|six|ten) (yet|already|)
do you know how late it is
my watch (stopped|is broken) what time is it
(say|announce) the time
please tell me how late it is
time check
what's the (clock|hour|current time)
(would|will) you tell me (the time|how late it is)
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
(what's|what is) the (hour|clock) in {place}
(what|which) time do (people|we) have in {place}
(can|could) you (check|find out|look up|see) (the time|what time it is|how late it is) in {place}
(tell|give) me the (current|exact|local) time (in|of) {place}
i (need|have|want) to (call|phone|ring) (somebody|someone|a friend|my boss|a customer) in {place} what time is it (there|over there)
(i'm|i am|we are) (calling|flying to|talking to someone in) {place} what's the time there
is it (already|still) (morning|evening|night|dark|late|early|afternoon|noon|midnight) in {place}
(is it|would it be) too (late|early) to call {place}
what would the time be in {place}
(how|so how) late (would it be|is it now|is it right now) in {place}
over in {place} what time is it
{place} what time is it there
(and|so) what time is it in {place} (now|right now|)
what time zone is {place} in and what time is it there
(what|which) time have they got in {place}
the (current|local|exact) time in {place}
the (current|local) time (for|of) {place}
time (now|right now) in {place}
(do you know|any idea|tell me) how late it is in {place}
are people (awake|asleep|sleeping|at work) in {place} (now|right now|)
my (flight|plane) lands in {place} what time is it there (now|)
what's {place} time
what is {place} time right now
(show|read) me the time in {place}
(say|tell me) what the clock (shows|says) in {place}
(has|did) the (day|evening|night) (started|start) in {place}
(would|will) you tell me the time in {place}
if it is now here what time is it in {place}
my (mother|father|daughter|son|colleague) lives in {place} how late is it there
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
(and|but) what about {place} (then|)
(now|and now) {place}
(do|try|check) {place} (too|next|as well)
(same|the same thing|same question) for {place}
(same|the same) (again|) but (for|in) {place}
also (in|for) {place}
(and|) what would it be in {place}
(and|) how about over in {place}
(and|) over in {place} (then|)
(i meant|i mean|no|sorry|not there) (in|) {place}
(tell me|give me|i need) {place} (too|as well|now)
{place} (too|please|as well|then)
(how|what) is it in {place}
(what|how) about the people in {place}
let me have {place} (too|as well)
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
(can|could|will) you tell me (today's date|the date of today|what date it is|what day we have)
what (day|weekday|day of the week) do we have(| today)
what's the day (of the week|) today
what is today
(which|what) (day|date) are we on(| today)
(say|read) me the date
(what's|what is) the (exact|current|full) date
(just|quickly|) (tell|give) me the date
(i need|i want) (the date|today's date)
(which|what) (month|year|date) do we have(| now)
(what|which) (month|year) are we in
(i'm|i am) not sure what day it is
is today (monday|tuesday|wednesday|thursday|friday|saturday|sunday)
(is it|is today) (the weekend|already friday|still monday|a weekday)
what does the calendar say (today|)
i wonder what day it is
the date of today (please|)
today is (what|which) day
what date should i write (today|on this|)
(check|look up) (the|today's) date
""",
        "day_place": """
what day is it in {place}
(what's|what is) the date in {place}
(what's|what is) today's date in {place}
(tell me|do you know) what day it is in {place}
which day is it in {place}
is it already tomorrow in {place}
(what|which) (day|date) do they have in {place}
(what|which) day do they have in {place}
is it (still|already) (yesterday|tomorrow|today) in {place}
(is it|are they) (already|still) (monday|tuesday|wednesday|thursday|friday|saturday|sunday) in {place}
(can|could) you tell me (the date|what day it is|what date it is|today's date) in {place}
(give me|i need) (the date|today's date) in {place}
today's date in {place}
the date in {place} (please|now|)
in {place} what (day|date) is it
what's the (day|day of the week) in {place}
what day of the week is it in {place} (now|)
(check|find out|look up) (the date|what day it is) in {place}
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
(do you happen to know|any idea|i wonder) (what day|which day|what date|which date) (it is tomorrow|tomorrow is|we have tomorrow)
(can|could) you tell me (tomorrow's date|the date of tomorrow|the date for tomorrow|what date tomorrow is|what day it will be tomorrow)
(what|which) (day|date|weekday) do we have tomorrow
(what|which) (day|date|day of the week) is tomorrow
tomorrow is (what|which) (day|date)
(give me|i need|say) (tomorrow's date|the date of tomorrow|the date for tomorrow)
is tomorrow (monday|tuesday|wednesday|thursday|friday|saturday|sunday|the weekend)
what's the date going to be tomorrow
what's the day after today
which (day|date) comes tomorrow
what's tomorrow
what date is the day after today
which date will we write tomorrow
""",
        "tomorrow_follow": """
(and|what about|how about|and what about|and how about) tomorrow
tomorrow
(and|) what about the day after today
(and|) what is it tomorrow
(okay|ok|thanks) and tomorrow
and what day is tomorrow
(and|) what will it be tomorrow
(and|but) (tomorrow|for tomorrow)
(now|and now|then) tomorrow
(and|) one day later
(and|) a day later
(and|) the day after
(tell me|give me|i need) tomorrow (too|as well)
(same|the same) for tomorrow
what is tomorrow then
(and|) the next day
""",
        "yesterday": """
what (day|date) was (it|) yesterday
(what's|what is|what was) yesterday's date
(what's|what was|what is) the (date|day) yesterday
which day was (it|) yesterday
what was yesterday
(tell me|do you know) (yesterday's date|what day yesterday was|what day it was yesterday)
(can|could) you tell me (yesterday's date|the date of yesterday|what day yesterday was)
(what|which) (day|date|weekday) did we have yesterday
(what|which) (day|date|day of the week) was yesterday
yesterday was (what|which) (day|date)
(give me|i need|say) (yesterday's date|the date of yesterday)
was yesterday (monday|tuesday|wednesday|thursday|friday|saturday|sunday|a weekday)
what was the day before today
(do you happen to know|i wonder) what (day|date) (it was|we had) yesterday
""",
        "yesterday_follow": """
(and|what about|how about|and what about|and how about) yesterday
yesterday
and what was yesterday
(okay|ok|thanks) and yesterday
(and|) what was it yesterday
(and|but) (for|) yesterday
(and|) the day before
(and|) one day (before|earlier)
(same|the same) for yesterday
(tell me|give me) yesterday (too|as well)
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
what (day|date) (do we|will we|do you) have in {days} days
(can|could) you tell me (the date|what day it is|what date it will be) in {days} days
(i need|give me|calculate) the date {days} days from (now|today)
{days} days from (now|today) what (day|date) (is it|will it be)
(what|which) (day|date) (will it|would it) be {days} days from (now|today)
what's the day in {days} days
when is {days} days from (now|today)
(which|what) weekday is it in {days} days
the date in {days} days (please|)
if i wait {days} days what (day|date) is it
(what|which) (day|date) comes {days} days after today
when are {days} days over
(add|count) {days} days to today
{days} days after today is (what|which) (day|date)
(my|the) (package|visa|ticket|offer) (comes|ends|expires) in {days} days what date is that
""",
        "days_follow": """
(and|what about|how about|and what about) in {days} days
in {days} days
(and|) {days} days from (now|today)
(and|) what about {days} days from (now|today)
(and|) {days} days later
(and|) after {days} days
(what|how) about {days} days
(and|) if it is in {days} days
(same|the same) for {days} days
""",
        "days_ago": """
what (day|date) was it {days} days ago
which (day|date) was {days} days ago
(what's|what was|what is|tell me) the date {days} days ago
{days} days ago what (day|date) was it
what day of the week was it {days} days ago
what was the date {days} days ago
(can|could) you tell me (the date|what day it was) {days} days ago
(what|which) (day|date) did we have {days} days ago
{days} days ago was (what|which) (day|date)
(what|which) (day|date|weekday) was it {days} days (before today|earlier)
(i need|give me) the date (of|from|) {days} days ago
{days} days before today what (day|date) was it
when was {days} days ago
the date {days} days ago (please|)
(what|which) weekday was {days} days ago
(count|go) back {days} days (what|which) (day|date) is that
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
what (do i|will i|would i) get (for|from) {expr}
what (would|will) {expr} (make|give|come to|equal)
(how|so how) much (does|would|will) {expr} (make|be|give|come to)
(find|get) (me|) (the result of|the value of|) {expr}
do {expr}
(run|type in) {expr}
(i'd like to have|i need|i want) the (result|value) of {expr}
{expr} (makes|gives) (what|how much)
(is|do) you (able to|know how to|) (calculate|compute) {expr}
(how|what) (about|is) {expr}
(could|would) you (solve|do|calculate) {expr} for me
(math|a sum|a calculation) (for you|please|) {expr}
what number is {expr}
my (homework|son|calculator) asks (me|) what {expr} is
(just|quickly) (calculate|tell me|do) {expr}
{expr} (result|answer|how much)
{expr} that (makes|is|gives) (what|how much)
{expr} (comes to|amounts to) (what|how much)
""",
        "calc_add": """
add {a} and {b}
(what's|what is) the sum of {a} and {b}
(add|sum up) {a} (and|to) {b}
(can you|please|) add {a} and {b}
what do {a} and {b} (make|add up to)
the sum of {a} and {b}
{a} and {b} (makes|make) (what|how much)
what do (i|you|we) get (if|when) (i|you|we) add {a} (and|to) {b}
{a} added to {b}
how much (is|are) {a} and {b} (together|added up|in total|added)
(sum|total) of {a} and {b}
put {a} and {b} together
what's {a} added to {b}
(what's|what is) the total of {a} and {b}
(please|) (sum|count) {a} and {b} (up|together)
adding {a} (and|to) {b} (makes|gives) what
what is {a} and {b} (added|in all|together)
""",
        "calc_multiply": """
multiply {a} (by|with|and) {b}
(what's|what is) the product of {a} and {b}
(can you|please|) multiply {a} (by|with) {b}
what do you get if you multiply {a} by {b}
{a} multiplied (with|by) {b} (makes|gives|is) what
what do (i|we) get (if|when) (i|we) multiply {a} (by|with) {b}
how much is {a} multiplied (by|with) {b}
the product of {a} and {b}
(take|do) {a} multiplied by {b}
multiplying {a} (by|and) {b} (makes|gives) what
(calculate|find|give me) the product of {a} and {b}
what happens if i multiply {a} by {b}
""",
        "calc_divide": """
divide {a} by {b}
(can you|please|) divide {a} by {b}
what do you get if you divide {a} by {b}
split {a} by {b}
what do (i|we) get (if|when) (i|we) divide {a} by {b}
how much is {a} divided (by|into) {b}
{a} divided (among|between|by) {b} (people|makes what|is what)
(share|cut) {a} (between|among|by|into) {b}
dividing {a} by {b} (makes|gives) what
(calculate|find) {a} divided by {b}
the quotient of {a} and {b}
how often does {b} go into {a}
""",
        "calc_subtract": """
subtract {b} from {a}
take {b} (from|away from) {a}
(what's|what is) {b} less than {a}
(what's|what is) the difference between {a} and {b}
(can you|please|) subtract {b} from {a}
what do (i|we) get (if|when) (i|we) (take|subtract) {b} (from|away from) {a}
{a} take away {b}
how much is {a} (less|take away|without) {b}
what's left of {a} (if|when) i take away {b}
(remove|deduct) {b} from {a}
(reduce|lower) {a} by {b}
the difference between {a} and {b}
{b} (subtracted|taken) from {a}
subtracting {b} from {a} (makes|gives) what
(calculate|find) {a} (less|take away) {b}
what is {a} after taking away {b}
(what's|what is) left (if|when) {b} (is|are) taken (away|) from {a}
(what|how much) (remains|is left) of {a} (without|minus|after) {b}
how much is left of {a} (when|if) (i|you|we) (take away|remove|subtract) {b}
i have {a} and (give away|lose|spend) {b} (what is left|how much is left)
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
(and|) {op} (again|please)
(and|) (take|make) the (result|answer) {op}
(what|how) about {op}
(and|) all (of that|that|of it) {op}
(and|) what do i get {op}
(then|next) (do|) {op}
the (answer|result|whole thing) {op}
(and|) (what|how much) is the whole thing {op}
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
how (many|much) {to} (would|do|does) {amount} {from} (be|make|make up)
(could|would|will) you (convert|change|turn) {amount} {from} (into|to) {to}
(give me|i want|i need) {amount} {from} (converted|) (to|into) {to}
{amount} {from} (equals|makes|are|is) (what|how many) {to}
{amount} {from} (expressed|written|measured) in {to}
(if|when) (something is|i have|it is) {amount} {from} how many {to} is (that|it)
(the recipe|the map|my book|the label) says {amount} {from} what is that in {to}
(my|the) {noun} (is|has) {amount} {from} how (much|many) is that in {to}
how (heavy|high|long|hot|big|far) (is|are|would be) {amount} {from} in {to}
what (do|would) {amount} {from} (be|equal) in {to}
(calculate|figure out|find out|show me) {amount} {from} in {to}
(i don't know|i wonder) how many {to} {amount} {from} (are|is|make)
what's {amount} {from} (converted|) to {to}
(do|make) {amount} {from} (into|to) {to} (for me|please)
in {to} what is {amount} {from}
in {to} how (much|many) (is|are) {amount} {from}
""",
        "units_one": """
how many {to} (are|are there) in (a|an|one) {one}
how many {to} (does|do) (a|an|one) {one} have
how many {to} (make|make up) (a|an|one) {one}
how many {to} to (a|an|the) {one}
(what's|what is) (a|an|one) {one} in {to}
how (long|much|big) is (a|an|one) {one} in {to}
how many {to} (is|has) (a|an|one) {one}
how many {to} (fit in|fit into|are inside|go into) (a|an|one) {one}
(tell me|do you know) how many {to} (a|an|one) {one} (is|has)
(a|an|one) {one} (is|has|makes) how many {to}
how many {to} (would|do) (a|an|one) {one} (be|have)
(convert|change|turn) (a|an|one) {one} (to|into) {to}
(a|an|one) {one} (in|to) {to}
how much is (a|an|one) {one} in {to}
""",
        "units_to_follow": """
(and|what about|how about|and what about|) in {to}
(and|) how many {to} is that
(and|) what is that in {to}
how much is that in {to}
(now|then) in {to}
(and|) (convert|turn) (that|it) (to|into) {to}
(and|) how (much|many) is (that|it) in {to}
(and|) (give me|tell me|say) (that|it) in {to} (too|as well|)
(the same|same) in {to}
(what|how) about {to}
(and|) in {to} (then|please|too)
(and|) if (you|i|we) (convert|change) (it|that) to {to}
{to} (please|instead|too)
(i meant|no|sorry) in {to}
""",
        "units_amount_follow": """
(and|what about|how about|and what about) {amount}
(and|) {amount} {from}
(what about|how about|and) {amount} {from}
(and|) if it is {amount}
(okay|now|thanks) and {amount}
(now|then) {amount} (please|)
(and|) (do|try|convert) {amount}
(and|) if (i|we) have {amount}
(same|the same) for {amount}
(and|) for {amount} {from}
(how|what) about {amount} {from} then
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
(can|could|will|would) you (put on|run|begin|make) a timer (for|of) {dur}
(i want|i need|i would like) (a|one|another) timer (of|for) {dur}
(give|get) me {dur} on the (clock|timer)
(ring|beep|buzz|call me|shout) (in|after) {dur}
(let me sleep|i'll nap|i want to nap) for {dur}
(wake|get) me (up|) (after|in) {dur}
{dur} (on the timer|on the clock|timer|countdown|from now)
{dur} (starting|from) now
(the|a) timer (should|must) (ring|go off) (in|after) {dur}
(set|start) (my|the|) timer {dur}
(begin|start) counting {dur}
(set|make) it ring in {dur}
(give me|do|run) a {attr} (countdown|timer)
(set|start) a countdown (timer|) (for|of) {dur}
let me know in {dur} (please|)
(i|we) have {dur} start the timer
(put|keep) a timer on (for|) {dur}
(how about|let's do|let's have) a {attr} timer
(another|one more|a new) {attr} timer
(could i|can i|may i) (have|get) a {attr} timer
an alarm (for|after|in) {dur}
(tell me|say) when {dur} (are over|are up|have passed|is up)
(the|my|a) timer (rings|goes off|should go off|has to ring) in {dur} (please|)
(let|make) the (timer|alarm|clock) (ring|go off|beep) (in|after) {dur}
(it|something) (should|must) (ring|beep|go off) in {dur}
(ring|go off|beep) in {dur} (please|)
""",
        "timer_follow": """
(and|) another (one|timer) for {dur}
(and|) (one|a second one|one more) for {dur}
(and|) another {attr} timer
(also|and also) (set|start) (one|a timer) for {dur}
(and|now|then) (a timer|one) for {dur}
(make|set) another one for {dur}
(set|start) a second (one|timer) for {dur}
(plus|and|) one (more|) (of|for) {dur}
(and|) (also|) one (more|) (of|for) {dur}
(and|) {dur} (too|as well)
(and|) a {attr} one (too|as well|)
(and|) now one (for|of) {dur}
(and|) (a second|a third|another) (one|timer) (of|for) {dur}
(add|start|give me) (another|one more) (of|for) {dur}
""",
        "timer_two": """
set a timer for {dur} and (another|another one|one|a second one) for {dur2}
(set|start) two timers (one|) for {dur} and (one for|) {dur2}
(start|set) timers for {dur} and {dur2}
i need two timers {dur} and {dur2}
(set|start) a {attr} timer and a {attr2} timer
(can you|please) set two timers for {dur} and {dur2}
timers for {dur} and for {dur2}
(one|a) timer for {dur} and (one|another|a second) for {dur2}
(i want|give me|make|run) (two|) timers (of|for) {dur} and (of|for|) {dur2}
a {attr} timer and a {attr2} timer (please|)
set (one|a timer) for {dur} and then (one|another) for {dur2}
(could|can) you (set|start|run) (a|one) timer for {dur} and (another|one) for {dur2}
start (a|one) {attr} timer and (another|one) for {dur2}
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
(can|could|would) you (set|start|make) (a|the) {label} timer (for|of) {dur}
(time|watch) the {label} for {dur}
the {label} (needs|takes|has) {dur} (set a timer|start a timer|time it)
(my|the) {label} (needs|takes|will take) {dur} please (set|start) a timer
set a timer named {label} (for|of) {dur}
set an alarm for the {label} in {dur}
(a|one) {label} timer (for|of) {dur}
(start|set) (the|my) {label} timer to {dur}
{attr} {label} timer
(give me|i want|make) a {attr} timer for the {label}
(tell|call|alert) me about the {label} in {dur}
timer for the {label} {dur}
timer {label} {dur}
for the {label} set a timer for {dur}
for the {label} {dur} (please|)
(put|set) the {label} on a {attr} timer
start timing the {label} for {dur}
label a {attr} timer {label}
the {label} (is|should be) (ready|done) in {dur} set a timer
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
(i'd like|i want|i need) (you to remind me|to be reminded) to {task} in {dur}
(i'd like|i want|i need) (a reminder|an alarm) to {task} in {dur}
(could|can|would) you (please|) remind me in {dur} to {task}
(wake|call|alert|notify) me in {dur} to {task}
{task} in {dur} (remind me|set a reminder|please remind me)
(don't forget to|please) remind me in {dur} to {task}
(don't forget to|please) remind me to {task} in {dur}
in {dur} (i have to|i must|i want to|i need to) {task} (remind me|please remind me)
in {dur} (please tell me|tell me|let me know) to {task}
(set|start) a timer to {task} in {dur}
set a {attr} (reminder|timer) to {task}
remind me {dur} from now to {task}
remind me after {dur} to {task}
remind me that i (have to|must|want to|should) {task} in {dur}
that i have to {task} (remind me|tell me) in {dur}
(let me|make me) {task} in {dur}
make sure i {task} in {dur}
(you have to|you must|you should) remind me to {task} in {dur}
(you have to|you must|you should) remind me in {dur} to {task}
remember to remind me to {task} in {dur}
""",
        "remind_bare": """
remind me to {task}
(can you|please) remind me to {task}
set a reminder to {task}
(i want|i need) a reminder to {task}
don't let me forget to {task}
(could|would|will) you remind me to {task}
(i'd like|i want|i need) you to remind me to {task}
(please|) make a reminder to {task}
(i'd like|i want|i need) to be reminded to {task}
remind me that i (have to|must|should) {task}
(you have to|you must|later) remind me to {task}
reminder to {task}
make sure i don't forget to {task}
""",
        "remind_when": """
in {dur}
{dur}
(make it|) in {dur} please
after {dur}
{dur} from now
(remind me|do it) in {dur}
(let's say|say|well|oh) in {dur}
(about|maybe|around) {dur}
(in|after) about {dur}
{dur} (please|is fine|would be good)
(make it|let's make it) {dur}
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
(cancel|stop|end|remove|delete) (my|the|that|this) (timer|alarm|countdown|reminder) (please|now|again)
(can|could|would) you (cancel|stop|delete|turn off|end) (the|my|that) (timer|alarm|reminder)
(cancel|stop|drop|undo) (what you just set|what i just set|the last timer|the last one|that one)
(no|i changed my mind) (stop|cancel|delete) (the|that) (timer|one|reminder)
(turn|shut|switch) (the|my|that) (timer|alarm) off
i (want|need|have) to (cancel|stop) (the|my) timer
(the|that|my) timer is not needed (anymore|any more|)
(silence|quiet) the (timer|alarm)
(don't|you need not) ring
(get rid of|throw away|clear) (the|that) (timer|reminder)
(timer|alarm) off
stop (counting|the clock|the countdown)
""",
        "cancel_all": """
(cancel|stop|delete|remove|clear|end) all (timers|the timers|my timers|of them|reminders|timers please)
(cancel|stop|delete|remove|clear) (everything|every timer|them all)
(please|can you) (cancel|stop|delete) all (timers|of them|my timers)
(turn|switch) off all (timers|the timers)
cancel (both|both timers|both of them)
no more timers please
(stop|cancel|delete|end) (all|every one) of (my timers|the timers|the reminders|my reminders)
(can|could|would) you (cancel|stop|clear|delete) (every|all|all my) (timers|timer|reminders)
(get rid of|clear|drop|wipe) (all|all the|all my) (timers|reminders)
i (want|need) no (more timers|timers|timer at all|reminders)
(turn|shut) (all|all the|all my) timers off
(turn|shut|switch) (everything|all of them) off
(cancel|stop|delete) all
(all|every one of the|all of the) timers (off|away|can go)
(cancel|delete|stop) (each|every) (timer|reminder|one)
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
(can|could|would) you (cancel|stop|delete|remove|end) the {which} (timer|one)
(i want|i need) to (cancel|stop|delete) the {which} timer
(turn|shut|switch) the {which} timer off
(turn|shut|switch) off the {which} (timer|one)
(get rid of|clear|end|forget) the {which} timer
the {which} timer is (done|not needed|over|no longer needed)
the {which} one (can stop|is not needed|is done)
(only|just) (cancel|stop|delete) the {which} (timer|one)
(cancel|stop|delete) the timer (for|of) (the|) {which}
(cancel|stop|delete) the timer called {which}
(please|) (end|drop) number {number}
(turn off|end|drop) timer {number}
timer {number} (off|can go|is not needed)
(i don't need|drop|leave out) the {which} one (anymore|any more|)
(no|not) the {which} timer (anymore|any more)
stop timing the {which}
""",
        "cancel_task": """
(cancel|delete|remove) the reminder to {task}
(cancel|delete|drop) (my|the) reminder (to|about) {task}
you don't have to remind me to {task}
i don't need to be reminded to {task}
(please|can you) (cancel|delete) the reminder to {task}
(forget|drop|stop|clear) (my|the) reminder to {task}
(don't|please don't) remind me to {task}
i (don't want|don't need) (a|the) reminder to {task} (anymore|any more|)
(no need to|you need not|you don't need to) remind me to {task}
i (already did|have done) that cancel the reminder to {task}
(remove|delete) what you wanted to remind me of {task}
(stop|cancel) reminding me to {task}
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
(can|could|would) you (list|read|tell me|show me) (all|) (my|the) (timers|reminders)
(tell|show|read) me (what|which) timers (i have|are set|are running)
(what|which) (timers|reminders) (have i set|did i set|are active|are open|are on)
(how many|how much) (minutes|time|seconds|hours) (are|is) left
(how|so how) long (do i still have|do i have|is it still|until it rings|to go)
(how|so how) much longer
(is|are) (the|my) timers (still|) running
(is|are) (my|the) (timer|timers) (still|) (running|on|going)
when will (the|my) (timer|reminder|alarm) (ring|go off|be over|end)
(have i|did i) set (a|any) (timer|timers|reminders)
(any|are any) timers (left|running|set|on)
(what's|what is) the (status|state) of (my|the) (timer|timers)
(remaining|time) (time|left) (please|)
do i have (something|a timer|anything) (running|set|on)
(give me|i want) (a list|the list) of (my|the|all) (timers|reminders)
what did i ask you to remind me of
which (reminders|timers) are (still|) (coming|there|waiting)
(i want|i'd like|give me|show me) (a|the) (list|overview) of (timers|reminders|my reminders|the timers)
(list|show) (the|my|all|all the) reminders
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
(please|) don't (you|) forget (that|) {fact}
(you must not|you should not|never|do not|please do not) forget (that|) {fact}
(now|okay|well|hey) don't forget (that|) {fact}
don't ever forget (that|) {fact}
(and|please|) do remember (that|) {fact}
(please|) (keep|hold|bear) in mind (that|) {fact}
(please|can you|could you) (note|note down|write down|save|store) (that|) {fact}
(could|would|will) you (please|) (remember|note|save|keep in mind) (that|) {fact}
(i'd like|i want|i need) you to (note|know|keep in mind|save) (that|) {fact}
(make|take|add) a (note|memo|memory) {fact}
(add|save|put|write) to (your|my) (memory|memories|notes) (that|) {fact}
(keep|save|store) (this|that) (for me|for later|) {fact}
(so you know|just so you know|for your information|for the record) {fact} (please|) remember (it|that)
i (want|need|would like) to (save|note|store|keep) (that|) {fact}
i (must not|don't want to|mustn't|should not) forget (that|) {fact}
help me (to|) remember (that|) {fact}
(note to self|note|memo|a note) {fact}
(learn|memorise|memorize|know) that {fact}
(from now on|by the way) remember (that|) {fact}
{fact} (remember|note|save|store) (that|this|it) (please|for me|)
{fact} (don't forget it|don't forget|never forget that|keep it in mind|make a note of that)
{fact} (i want you to|you should|you must) (remember|know|keep) (that|it)
(remember|note|save) (the following|this|one thing|something for me) {fact}
(can|could) you (make|take) a note (that|) {fact}
(please|) have in (mind|memory) that {fact}
(you should|you must|you have to|please|) remember (that|) {fact}
(i'm telling you|i tell you|let me tell you) {fact} (please|) (remember|save|note) (that|it)
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
(can|could|would|will) you (please|) (tell me|say|look up|check) {query}
(have i told you|did i mention|did i say anything about) {query}
(what|anything) (have i|did i) (say|said|tell you|told you) about {query}
(remind me of|tell me again|what was) {query}
(i have forgotten|i can't recall|i don't know anymore|i forgot) {query}
(what|which) (notes|memories) (are there|do you have|do i have) (about|on) {query}
(search|check|look in) (your|my) (memory|memories|notes) (for|about) {query}
(please|) {ask}
(wait|oh|well|remind me) {ask}
{ask} (do you remember|do you know|i forgot|i told you)
i (told|gave) you (that|) {query} (before|once|yesterday|)
(is there|have you got|do you have) (anything|something|a note) (about|on) {query}
(what|do you) (else|still) know about {query}
(is there|was there) (something|anything|a memory|a fact) about {query} (in your memory|that i told you|in my notes|)
(have|do) you (kept|keep|saved|noted) (anything|something) about {query}
any (note|notes|memory|memories|facts) (about|on|of) {query}
(have|has) (i|anybody) told you (anything|something) (about|of) {query}
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
(please|) (just|) forget (about|) {query}
(please|now|) (delete|erase|remove|clear|wipe) {query} (from your memory|from memory|from your notes|)
(please|can you|could you|would you) (delete|erase|remove|clear|wipe) (what you know about|what i said about|what i told you about|your note about|the note about|the memory of|the memory about) {query}
(can you|could you|would you|will you) (please|) forget (about|) {query}
(i want|i'd like|i need) you to (forget|delete|erase) (about|) {query}
(forget|delete|erase) (everything|all|anything) (about|you know about|i said about|i told you about) {query}
(forget|erase|remove) (the|that|your) (fact|note|memory|thing) about {query}
(you don't need to|you need not|don't|no need to) (remember|keep|know) {query} (anymore|any more|)
(stop|quit) remembering {query}
(remove|take|get) {query} (out of|off) your (memory|mind|notes)
{query} (is not needed|is wrong|is out of date|has changed) (please|) (forget it|delete it|delete that)
(throw away|get rid of|drop|let go of) (what you know about|the note about|) {query}
(i don't want you to|you shouldn't|you should not) (know|remember|keep) {query} (anymore|any more|)
(clear|wipe) (the|your) memory (of|about) {query}
(delete|remove) the (entry|note|memory) (for|about|of|on) {query}
(please|) (do|) forget what (i told you|i said|you know) about {query}
(take|strike|cross) {query} (off|from) your (list|notes|memory)
{query} (is no longer true|is old|is over|was wrong) (forget it|delete it|you can forget it|please forget that)
{query} delete (it|that) please
(remove|delete|erase) (the fact|the note|what is saved|what is noted|everything) about {query}
(put|get|throw) {query} out of your (head|memory|mind)
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
(ask|check|search|use|try|consult) (my|the) (documents|files|papers) (and tell me|about|) {q}
(ask|check|search|use|try|open) the {doc} (and tell me|about|) {q}
(what|anything) (is|stands) in (my documents|my files|the {doc}) about the {x}
(what|anything) about the {x} in (my documents|my files|the {doc}|my papers)
(have a look|take a look|look) (in|into|at) (the {doc}|my documents|my files) {q}
(look|search) (through|into) (the {doc}|my documents|my files|my papers) (for|about) the {x}
(where|what) (does|do) (the {doc}|my documents|my files) (mention|say about|tell about|say on) the {x}
{q} (look|check|search) (in|) (the {doc}|my documents|my files)
{q} (it is|it's|that is|it should be) in (the {doc}|my documents|my files)
{q} (does|do) (the {doc}|my documents|my files) say (that|anything|)
(by|following) the {doc} {q}
(my documents|the {doc}|my files) (should|must|will) (say|know|tell) {q}
(find out|look up|check) from (the {doc}|my documents|my files) {q}
find the {x} in (the {doc}|my documents|my files)
(is|does) the {x} (mentioned|in|stand in) (the {doc}|my documents|my files)
(i want|i'd like|i need) to know what (the {doc}|my files|my documents) (says|say) about the {x}
(what|which) (information|part|passage) (is there|is) (about|on) the {x} in (the {doc}|my documents|my files)
(quote|cite|tell me) (the {doc}|my documents|my files) (on|about) the {x}
""",
        "search_follow": """
(and|) what (about|does it say about) the {x}
(and|) {q}
(and|what about|how about) the {x}
(does it|what does it) (also|) say (anything|something|) about the {x}
(and|now|then) (look|search|check) (for|) the {x}
(what|anything) (about|on) the {x} (too|there|in it|in there)
(and|) does it (mention|say something about|tell about) the {x}
(okay|ok|thanks|now) (and|) {q}
(also|and also) {q}
(in|from) (it|there|the same document) {q}
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
(read|show|open) (me|) the document (called|named|) {doc}
(can|could|would|will) you (open|show me|read out) the {doc}
(i'd like|i want) (to hear|to read|you to read) the {doc} (please|)
(tell|show) me what (is in|the {doc} says) the {doc}
(start|begin) (reading|to read) the {doc}
(read|recite) the (whole|entire|beginning of the) {doc}
(what's|what is) (written|) in the {doc}
(go|look) into the {doc} and read (it|to me)
(give|get) me the {doc}
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
(can|could|would|will) you (read|open|show me|read out) page {page} (of|in|from) the {doc}
(i'd like|i want) (to hear|you to read|to read) page {page} (of|in|from) the {doc}
(go|jump|turn|skip) to page {page} (of|in) the {doc}
(read|open) the {doc} (at|from|on) page {page}
page {page} of the {doc} (please|)
the {doc} page {page} (please|)
(what|which text) (is|stands) on page {page} (of|in) the {doc}
(give|show) me page {page} (of|from|in) the {doc}
(tell|read) me what page {page} of the {doc} says
""",
        "page_follow": """
(and|now|) (read|) page {page}
(and|now|) (what about|how about) page {page}
(and|then|) (go|turn) to page {page}
what is on page {page}
page {page} please
(and|now|) (give me|show me|open) page {page}
(jump|skip|flip) to page {page}
(and|now|) what does page {page} say
(and|then|now|) page {page} (too|as well|next|)
what's on page {page} (then|)
(continue|go on) (with|at|on) page {page}
let me hear page {page}
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
(hey|hi|hello) (hey|hi|)
hey hey
(oh|well|yo|hey) (hi|hello)
good day to you
(morning|evening|afternoon)
(hello|hi) again
(hi|hello) (my friend|dear|buddy)
(wake up|are you awake|listen|hey computer)
howdy
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
thank you (a lot|again|indeed)
thanks (again|a million|buddy|mate)
(many|lots of) thanks
(i|we) (thank you|appreciate it|appreciate that)
(good|nice|great) (job|work|one)
(perfect|wonderful|excellent|brilliant|awesome|lovely|fantastic)
that's (all right|fine|what i needed|what i wanted) (thanks|thank you)
(you're|you are) (a star|kind|brilliant|wonderful|a great help)
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
(bye|goodbye) (bye|then|wren|for now|for today)
(okay|ok|well|alright) (bye|goodbye|good night)
(goodnight|night night|sleep well)
(that's|that is) (everything|it|enough) (for today|for now|thank you|thanks|)
(see|catch) you
(i'm|i am) (off|leaving|going|going to bed) (now|)
(no|nothing) (more|else) (thanks|thank you|)
(until|till) (next time|then)
thanks (bye|that's all|that was all|goodbye)
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
(just|oh|no|well|okay) forget (it|that)
(oh|well|ah|no) never mind (that|it|)
(yeah|yep|yup|yes|sure) (please|thanks|okay|)
(no|nope|nah) (never mind|it's fine|it's okay|)
(it's|that's) (fine|okay|ok|all right|good) (now|)
(forget|drop|leave) (it|that) (for now|please|again)
(doesn't|does not) matter
(understood|right|exactly|agreed|correct|true)
(hm|hmm|mm|mhm|uh huh)
(go on|go ahead|carry on|continue)
(wait|hold on|one moment|just a second)
(be|please be|keep) (silent|quiet)
(oops|whoops|sorry|sorry about that)
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
(what|which) (tools|tricks|abilities|features) do you (have|know|offer)
(what else|what other things) can you do
(give me|show me) (some|a few) (examples|ideas) (of what you can do|)
(how|in what way) (are you|can you be) (useful|helpful)
i (don't know|have no idea) what (to ask|you can do|to say)
(i need|can i get) (some|a little) help (with you|please|)
what (are you|were you) (made|built) (for|to do)
(explain|tell me) (how you work|what you are for|what i can do with you)
(your|the) (skills|functions|features|options) (please|)
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
(who|what) (exactly|really) are you
(tell me|say) (your name|who you are|what you are)
what (do|should|can|may) (people|we|i) call you
(which|what) (company|person|team) (made|built|trained) you
(are you|is this) (a bot|a program|a person|an assistant|artificial intelligence|a language model)
(what|which) (kind|sort|type) of (model|computer|program|assistant|machine) are you
(who|what) (answers|is answering|speaks|is speaking) (me|here|)
(your|the) name (please|)
(do|does) (my|the) (words|voice|data|questions) (leave|stay on) this (machine|computer)
(introduce yourself|present yourself|and you are)
(how many|what number of) parameters do you have
(is it|am i) (you|still talking to) wren
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
(connect|plug in|use|install|load) (ollama|mistral|llama|v llm|another model|a bigger model|a larger model|chat gpt)
(i want|i'd like|can i|could i) (to connect|to use|to plug in|connect|use|plug in) (ollama|mistral|llama|v llm|a bigger model|a larger model|my own model)
(how|where) do i (set|enter|give you|change) (the llm url|an endpoint|another model|the address of a model)
(can|could) (you|this) (be|get) (smarter|better|more clever|upgraded|improved)
(does|do) (this|you) (work|run) with (ollama|mistral|llama|open ai|chat gpt|other models)
(what|which) (models|larger models|endpoints) (can|could|may) i (use|connect|plug in)
(tell me|explain|show me) how to (connect|use|plug in|add) (a larger model|another model|ollama|open ai|a better model)
(make|get) (yourself|you) (smarter|better|a bigger brain)
you (should|need to) (use|have) a (larger|bigger|better) model
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
(sorry|pardon|excuse me) (can|could) you (say|repeat) that (again|)
(sorry|excuse me|pardon) (i|) (didn't|did not) (hear|catch|understand) (that|you|it)
what (did|do) you (say|mean)
(say|repeat) (it|that) (once more|again) (please|)
(can|could) i hear (that|it) again
(tell|give) me (that|the answer) (again|once more)
(repeat|once more) (the answer|what you said|your last answer)
excuse me what was that
(huh|what|eh)
(would|will) you (repeat|say) (that|it) (again|please|)
i (missed|lost) that
""",
    }.items()
}
