"""Requests written by hand for measuring, after training: none of them is a pattern. Never trained on."""

from __future__ import annotations

from typing import Any

from grammar import split_lines

Wanted = str | list[tuple[str, dict[str, Any]]]


def _call(name: str, **arguments: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(name, arguments)]


INSIDE: list[tuple[str, Wanted]] = [
    ("what time is it in tokyo right now", _call("get_time", place="tokyo")),
    ("tell me please what the time is", _call("get_time")),
    ("could you check what time it would be in new york", _call("get_time", place="new york")),
    ("got the time", _call("get_time")),
    ("i have to call someone in sydney what is the time over there", _call("get_time", place="sydney")),
    ("Is it already evening in Los Angeles?", _call("get_time", place="Los Angeles")),
    ("what's the hour in Mumbai", _call("get_time", place="Mumbai")),
    ("which day of the week do we have today", _call("get_time")),
    ("what is the date", _call("get_time")),
    ("do you happen to know which date it is tomorrow", _call("get_time", days=1)),
    ("what date will we have in ten days", _call("get_time", days=10)),
    ("which day was it three days ago", _call("get_time", days=-3)),
    ("What's the date two weeks from now, so in 14 days?", _call("get_time", days=14)),
    ("what is seventeen times twenty three", _call("calculate", expression="17*23")),
    ("what's 17 times 23?", _call("calculate", expression="17*23")),
    ("seventeen times twenty three please", _call("calculate", expression="17*23")),
    ("how much would be four hundred divided by sixteen", _call("calculate", expression="400/16")),
    ("what do i get when i add nineteen to eighty two", _call("calculate", expression="82+19")),
    ("What is 15% of 80?", _call("calculate", expression="15% of 80")),
    ("what is a third of ninety", _call("calculate", expression="90/3")),
    ("square root of one hundred forty four", _call("calculate", expression="sqrt(144)")),
    ("what's twelve squared", _call("calculate", expression="144")),
    ("tell me how much nine point five minus two point two five is", _call("calculate", expression="7.25")),
    ("twelve plus thirty minus four equals", _call("calculate", expression="38")),
    ("what is twenty percent of sixty five", _call("calculate", expression="13")),
    ("compute 3.5 * 12", _call("calculate", expression="42")),
    ("i'd like to have the result of eight times seven", _call("calculate", expression="56")),
    ("two plus two", _call("calculate", expression="4")),
    ("how many kilometers are five miles", _call("convert_units", amount="5", from_unit="miles", to_unit="kilometers")),
    ("five miles in kilometers", _call("convert_units", amount="5", from_unit="miles", to_unit="kilometers")),
    ("convert 100 fahrenheit to celsius", _call("convert_units", amount="100", from_unit="fahrenheit", to_unit="celsius")),
    ("what is seventy degrees fahrenheit in celsius", _call("convert_units", amount="70", from_unit="fahrenheit", to_unit="celsius")),
    ("how much are ten pounds in kilograms", _call("convert_units", amount="10", from_unit="pounds", to_unit="kilograms")),
    ("how many cups are there in two liters", _call("convert_units", amount="2", from_unit="liters", to_unit="cups")),
    ("how many ounces make a pound", _call("convert_units", amount="1", from_unit="pound", to_unit="ounces")),
    ("how long is six feet in centimeters", _call("convert_units", amount="6", from_unit="feet", to_unit="centimeters")),
    ("i weigh eighty kilos what is that in pounds", _call("convert_units", amount="80", from_unit="kilos", to_unit="pounds")),
    ("three and a half gallons to liters", _call("convert_units", amount="3.5", from_unit="gallons", to_unit="liters")),
    ("set a timer for five minutes", _call("set_timer", duration="5 minutes")),
    ("Set a timer for 5 minutes.", _call("set_timer", duration="5 minutes")),
    ("could you please start a ten minute timer for me", _call("set_timer", duration="10 minutes")),
    ("put a timer on for an hour and a half", _call("set_timer", duration="90 minutes")),
    ("give me twenty five minutes on the clock", _call("set_timer", duration="25 minutes")),
    ("wake me up in forty minutes", _call("set_timer", duration="40 minutes")),
    ("timer thirty seconds", _call("set_timer", duration="30")),
    ("set an egg timer for six minutes", _call("set_timer", duration="6 minutes", reminder="egg")),
    ("start a pizza timer for twelve minutes", _call("set_timer", duration="12 minutes", reminder="pizza")),
    ("remind me to take the cake out of the oven in thirty minutes", _call("set_timer", duration="30 minutes", reminder="take the cake out of the oven")),
    ("in two hours remind me to call grandma", _call("set_timer", duration="2 hours", reminder="call grandma")),
    ("please remind me in ten minutes to turn off the stove", _call("set_timer", duration="10 minutes", reminder="turn off the stove")),
    ("Remind me to email Steve about the contract in 45 minutes.", _call("set_timer", duration="45 minutes", reminder="email Steve about the contract")),
    ("set one timer for three minutes and another for eight minutes", _call("set_timer", duration="3 minutes") + _call("set_timer", duration="8 minutes")),
    ("please cancel my timer", _call("cancel_timer", timer="last")),
    ("stop all of my timers", _call("cancel_timer", timer="all")),
    ("how much time do i have left on my timer", _call("list_timers")),
    ("what timers have i set", _call("list_timers")),
    ("remember that my bike lock code is four two seven one", _call("remember", fact="my bike lock code is four two seven one")),
    ("please remember my sister is coming on friday", _call("remember", fact="my sister is coming on friday")),
    ("can you remember that i parked on level three", _call("remember", fact="i parked on level three")),
    ("make a note that the plumber's name is gustav", _call("remember", fact="the plumber's name is gustav")),
    ("don't forget that anna is vegetarian", _call("remember", fact="anna is vegetarian")),
    ("Remember that the spare key is under the flower pot.", _call("remember", fact="the spare key is under the flower pot")),
    ("what is my locker code", _call("recall", query="what is my locker code")),
    ("where did i put my keys", _call("recall", query="where did i put my keys")),
    ("do you remember where i parked", _call("recall", query="where i parked")),
    ("who is my dentist", _call("recall", query="who is my dentist")),
    ("what did i tell you about anna", _call("recall", query="anna")),
    ("what do you know about my sister", _call("recall", query="my sister")),
    ("please forget my locker code", _call("forget", query="my locker code")),
    ("delete what you know about my brother", _call("forget", query="my brother")),
    ("what does the manual say about the battery", _call("search_documents", query="battery")),
    ("search my documents for the cancellation policy", _call("search_documents", query="the cancellation policy")),
    ("according to the contract when does the lease end", _call("search_documents", query="when does the lease end")),
    ("what do my files say about the refund", _call("search_documents", query="refund")),
    ("look in the handbook how many vacation days do i get", _call("search_documents", query="how many vacation days do i get")),
    ("read me the annual report", _call("read_document", document="annual report")),
    ("read page two of the manual", _call("read_document", document="manual", page=2)),
    ("hi there how are you doing", "how"),
    ("good morning to you", "hello"),
    ("many thanks", "thanks"),
    ("thank you that is all", "bye"),
    ("bye for now", "bye"),
    ("what sort of stuff can you do", "help"),
    ("i don't know what i can ask you", "help"),
    ("what is your name please", "who"),
    ("are you a human being", "who"),
    ("can i connect you with ollama", "larger"),
    ("remind me to water my orchids", "remind_bare"),
]  # fmt: skip

OUTSIDE_QUESTIONS = split_lines("""
what will the weather be like this afternoon
do you think it rains later
should i take my umbrella with me
what's the latest headline
who is going to win the elections
how is the dollar today
did arsenal win
what was the result of the champions league final
when is the next bus to the airport
are there any traffic jams on the motorway
is the supermarket around the corner open
what's the phone number of the pizza place
how much does a flight to lisbon cost
play something by the beatles
put on some relaxing music
turn the lights in the kitchen off
make it warmer in here
lock the back door
call my mother
send john a message that i am running late
read me my emails
what's next on my calendar
add milk to the shopping list
book a table for two at an italian restaurant
order a large pizza
take a picture
open spotify
translate good morning into spanish
how do you say thank you in japanese
write a haiku about autumn
tell me something funny
tell me a bedtime story about a dragon
sing happy birthday
flip a coin for me
summarize the book i am reading
what's the capital of australia
who painted the mona lisa
who wrote pride and prejudice
when did the second world war end
how tall is the eiffel tower
how far away is the moon
why is the sky blue
how do airplanes fly
what is photosynthesis
explain how a black hole forms
who was the first man on the moon
how many legs does a spider have
what do pandas eat
what does the word ubiquitous mean
how do you spell necessary
what language do people speak in brazil
how many people live in china
what is the tallest mountain in the world
who is the king of england
what's the boiling point of water
what are the symptoms of the flu
how do i get a red wine stain out of a carpet
how do i change a flat tire
give me a recipe for banana bread
how long do i have to boil an egg
can dogs eat chocolate
is a tomato a fruit or a vegetable
what's the difference between a crocodile and an alligator
who invented the telephone
when was mozart born
what happened in nineteen eighty nine
which planet is the biggest
what is the meaning of life
do you believe in god
what's your favorite color
do you like pizza
are you happy
do you have a girlfriend
will you marry me
what do you think about politics
who should i vote for
should i quit my job
what shall i cook tonight
which phone should i buy
recommend me a good movie
am i good looking
how can i lose weight
how do i become rich
i feel sad today
i'm so bored
i had a terrible day at work
my back hurts
you are really stupid
that is not what i asked for
let's play a game
i love you
it's really cold in here
my dog ran away
i don't believe you
what's up with this traffic
oh my goodness
can robots feel pain
is there life on mars
what would happen if the sun exploded
who would win a fight between a bear and a lion
fix the bug in my python script
solve this riddle for me
what is the square on the chess board called
tell me about quantum computers
who founded microsoft
what is the best football club
how much does an elephant weigh
when is easter
what's the population of berlin
who sings bohemian rhapsody
what movies are playing tonight
how does a microwave work
why do we dream
what rhymes with orange
give me some advice about my marriage
did you sleep well
do you dream
where do babies come from
how many calories are in an apple
is coffee bad for you
what's the wifi password of the hotel lobby bar next door in paris going to be next year
""")
