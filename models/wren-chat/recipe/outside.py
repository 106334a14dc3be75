"""What wren-chat cannot answer: questions of all kinds, and things that it cannot do."""

from __future__ import annotations

from grammar import split_lines

OUTSIDE: dict[str, list[str]] = {
    name: split_lines(text)
    for name, text in {
        "live": """
(what's|what is|how is) the weather (like|) (today|tomorrow|now|outside|)
(what's|what is|how is) the weather (like|) in {place}
(will|does|is) it (rain|snow|raining|going to rain|going to snow) (today|tomorrow|tonight|on {weekday}|in {place}|)
how (cold|hot|warm) (is it|will it be|is it going to be) (outside|today|tomorrow|in {place}|on {weekday})
do i need (an umbrella|a coat|a jacket|sunscreen) (today|tomorrow|)
what's the (temperature|forecast) (in {place}|outside|today|tomorrow|for {weekday}|)
(is it|will it be) (sunny|cloudy|windy|foggy|stormy) (today|tomorrow|in {place}|)
(what's|what is|tell me|read me|give me) (the|today's) news
what's (new|happening) in (the world|{place}|politics|sports)
what happened (today|yesterday|in {place}|last night|this week)
(who won|who is winning) the (game|match|election|race|cup|final|world cup|super bowl) (yesterday|today|last night|)
what's the score (of the game|)
when (does|do) {name} play (next|)
(what's|what is) the (price|stock price|share price|value) of (gold|oil|bitcoin|{word}|the dollar|the euro)
how (is|are) the (stock market|markets|shares) doing
how much is (a dollar|bitcoin|a euro|gold|a barrel of oil) (today|now|)
(what's|how is) the traffic (like|) (today|now|to {place}|in {place}|)
when does the (next|) (train|bus|flight|ferry) to {place} (leave|go|arrive)
(find|book) (me|) a (hotel|flight|table|taxi|restaurant|room) (in|to) {place}
is the (store|shop|pharmacy|museum|bank|library) (open|still open) (now|today|on {weekday}|)
when (does|will) the sun (rise|set) (today|tomorrow|in {place}|)
where is the (nearest|closest|next) (pharmacy|gas station|hospital|bakery|supermarket|{noun} shop)
who is the (president|prime minister|king|mayor|chancellor) of {place}
how many people live in {place}
what's playing at the (cinema|movies|theater)
""",
        "do": """
play (some|) (music|jazz|rock|{genre}|classical music|{genre} music)
play (the|a) (song|next song|album|radio|podcast|news) (by {name}|{word}|)
(pause|skip|shuffle|stop|resume) (the|this) (music|song|playlist|track)
(turn|switch) (on|off|up|down) the (lights|light|heating|tv|fan|radio|music|volume|lamp|air conditioning)
(turn|switch) (on|off) the {noun} in the (kitchen|bedroom|bathroom|garage|living room)
(dim|brighten) the lights (to {n} percent|)
set the (thermostat|volume|heating|temperature|brightness) to {n}
(lock|unlock|open|close) the (front door|door|garage|window|blinds|gate)
(call|phone|ring|dial) (mom|dad|{name}|the doctor|the police|my wife|{name} at work)
(send|write) (a message|an email|a text|a letter) to (mom|dad|{name}|my boss)
(text|email|message) {name} that (i will be late|i'm coming|{word} is ready)
(read|check) my (messages|emails|mail|inbox)
(add|put) {noun} (to|on) my (shopping list|calendar|to do list|list)
(what's|what is) on my (calendar|schedule|agenda|shopping list) (today|tomorrow|for {weekday}|)
(schedule|make|book) (a meeting|an appointment) (with {name}|on {weekday}|with the dentist)
(order|buy) (me|) (a pizza|some {noun}|a {noun}|a new {noun}|a taxi|flowers)
(open|start|launch|close) (the|) (browser|camera|youtube|netflix|app|{word} app)
take (a picture|a photo|a selfie|a screenshot)
(drive|take|navigate) me (home|to {place}|to work)
(how do i get|show me the way|directions) (to|from) {place}
translate {noun} (to|into) {language}
(how do you say|what is) {noun} in {language}
(say|tell me) something in {language}
(speak|talk) (french|{language}) (with me|please|)
(write|compose) (me|) a (poem|story|song|letter|speech|essay|joke) about (the|a) {noun}
(sing|tell) me a (song|story|joke|riddle|fairy tale|secret)
tell me a (joke|story|riddle|fun fact|bedtime story)
(roll|throw) (a|the|two) (dice|die)
(flip|toss) a coin
(summarize|explain) (this|the) (article|book|email|text|website)
(search|google|look up) (the internet|the web|online) for {noun}
(draw|paint|show) me a (picture|photo|map) of (a|the) {noun}
(make|bake|cook|bring) me (a coffee|some {noun}|a sandwich|dinner|a {noun})
(count|spell) (to {n}|{noun}|backwards)
(fix|debug|write) (my|some|this) (code|program|python|script|bug)
(set|wake me with) an alarm (for|at) {n} (in the morning|o'clock|tomorrow)
(do|solve) my homework
""",
        "know": """
what is the capital of {place}
where is {place}
(who is|who was) {name} {surname}
(who|which person) (wrote|painted|composed|directed) (the {noun}|{word}|romeo and juliet|hamlet|the mona lisa|{name} and the {noun})
who (invented|discovered|built) (the {noun}|{subject}|the telephone|america|the light bulb|penicillin)
when was (the {noun}|{name} {surname}|{place}|the telephone|{word}) (born|invented|founded|discovered|built)
when did (the war|{name} {surname}|the {noun}|world war two) (die|end|start|begin|happen)
(what is|what's|explain|tell me about) {subject}
how does (a {noun}|{subject}|an engine|a {noun} work|the internet) (work|)
why is the (sky blue|sea salty|grass green|{noun} {colour}|moon so bright|{noun} so {adjective})
why (do|does|are|is) (cats purr|dogs bark|birds sing|people sleep|{noun}s {adjective}|the sun hot|{subject} important)
how (tall|high|long|deep|big|old|heavy) is (the eiffel tower|mount everest|the {noun}|the moon|a {noun}|{name} {surname}|the nile|{place})
how far (is it|away is) (to the moon|from {place} to {place2}|the sun|{place})
how many (planets|bones|countries|states|continents|{noun}s) are (there|there in the world|in {place}|in a {noun})
what (does|do) (a|an) {noun} (eat|cost|weigh|look like|mean|do)
what does {word} mean
what's the (meaning|definition|opposite|plural) of {word}
how do you spell {word}
what (language|currency|food) do they (speak|use|eat) in {place}
how (do i|do you|can i) (make|cook|bake|prepare) {noun}
what's (a good|the best) recipe for {noun}
how (do i|can i|should i) (fix|clean|repair|remove|grow|train|find) (a|my|the) {noun}
what (causes|is the cause of) {subject}
(give me|tell me) a fact about {subject}
what's the difference between {subject} and {subject2}
how long (does it take|do i have) to (boil an egg|fly to {place}|cook {noun}|learn {language})
how (old|rich|tall|famous) is {name} {surname}
what (year|time) did (the {noun} end|{name} {surname} die|rome fall)
what is the (largest|smallest|fastest|longest|oldest|tallest) (animal|country|city|river|mountain|{noun}|planet)
(is|are) {noun}s (healthy|dangerous|poisonous|{adjective}|extinct)
can (dogs|cats|humans|you|{noun}s) (eat|drink|swim|fly|see) {noun}
what (happens|would happen) (if|when) (you eat {noun}|the {noun} stops|it rains)
who (sings|sang|plays|stars in) (this song|{word}|the {noun}|the {noun} song)
what is (the speed of light|the boiling point of {word}|the chemical symbol for {word}|photosynthesis|dna|{word})
what are (the symptoms of|good reasons for|the rules of) {word}
(does|did) {name} {surname} (live|work|die) in {place}
what religion is {place}
(what|which) team does {name} {surname} play for
""",
        "opinion": """
do you (like|love|hate|prefer|enjoy|want) (music|me|{noun}|{place}|people|{genre}|the {noun}|your job)
(what's|what is) your favorite (color|movie|food|song|{noun}|book|animal)
what do you think (of|about) (me|{noun}|{place}|{subject}|{name}|politics|the president|the {noun})
(should|shall|can) i (buy|sell|eat|wear|quit|marry|call|trust) (a {noun}|my job|{name}|the {noun}|a {colour} {noun}|this)
(which|what) is better {noun} or {noun2}
(who|what) is the best (singer|player|movie|country|phone|{noun}|team)
(do you|will you) (love|marry|date|miss|remember|know) me
(are you|do you feel) (happy|sad|angry|bored|tired|hungry|lonely|in love|conscious)
(do you have|have you got) (feelings|friends|children|a family|a girlfriend|a {noun}|a soul)
what is the meaning of life
(is there|do you believe in) (a god|god|life after death|love|aliens|ghosts)
(what|which) {noun} should i (buy|choose|wear|read|take|eat|watch)
what should i (do|eat|wear|cook|watch|say|buy) (today|tonight|tomorrow|now|for {name})
(can|will) (you|robots|computers) (replace|rule|kill|think like) (humans|people|us)
(who|what) (do you|would you) (vote for|want to be|look like)
(tell|give) me (your opinion|some advice|a tip|a recommendation) (on|about|for) (my {noun}|{subject}|life|the {noun})
(am i|do i look|is {name}) (beautiful|smart|old|right|wrong|crazy|{adjective})
how do i (become happy|find love|lose weight|get rich|sleep better|make friends|stop smoking)
recommend (me|) a (book|movie|restaurant|song|{noun})
""",
        "say": """
i am (so|very|really|a bit|) (tired|happy|sad|bored|hungry|cold|sick|angry|lonely|{adjective})
i (had|have had) a (bad|good|long|terrible|hard|wonderful) (day|week|night|trip|{noun})
(today|yesterday) i (went|drove|flew|walked) to {place}
i (love|hate|like|miss|want|need) (you|music|my {noun}|{name}|{place}|the {noun}|{noun})
my (head|back|foot|tooth|stomach|{noun}) (hurts|is broken|is {adjective})
(it's|it is) (so|very|too|really) (hot|cold|late|loud|boring|{adjective}) (today|here|in here|)
(you are|you're) (stupid|wrong|funny|useless|cute|weird|not very smart|lying)
(that's|that is) (wrong|not true|not right|silly|interesting|funny|amazing|a lie)
(let's|let us) (talk|chat|play a game|have fun|go|dance|start)
i (don't|do not) (know|care|understand|believe you|like that)
i (think|believe|guess|hope) (so|not|{name} is {adjective}|the {noun} is {adjective}|it will rain)
(the|my|a) {noun} is (on|in|under|behind) the {noun2}
{name} (said|told me|thinks) (that|) (the {noun} is {adjective}|it is over|you are {adjective})
(do|did) you (see|hear|know|read) (that|this|the {noun}|about {name})
(come on|oh no|oh my god|wow|damn|what a day|really|no way|are you serious|you know what|well well)
i'm (going|moving|flying|driving) to {place} (tomorrow|next week|on {weekday}|)
(what|why|how|who|where|when|huh)
{noun} {noun2}
""",
    }.items()
}

GENRES = "jazz rock classical country folk blues pop piano opera dance reggae metal techno soul".split()
LANGUAGES = "French German Spanish Italian Japanese Chinese Russian Arabic Portuguese Dutch Greek Hindi Korean Polish Turkish Swedish".split()
SUBJECTS = [
    subject.replace("_", " ")
    for subject in """the_moon the_sun gravity photosynthesis dinosaurs the_ocean black_holes electricity the_internet volcanoes the_stock_market
    evolution ancient_rome the_human_heart climate_change the_speed_of_light quantum_physics the_french_revolution world_war_two the_roman_empire
    inflation democracy capitalism the_immune_system vaccines bacteria earthquakes tornadoes rainbows the_milky_way mars the_big_bang relativity
    magnetism chess football buddhism philosophy shakespeare mozart the_pyramids the_vikings the_renaissance yoga meditation diabetes cancer
    vitamins protein carbon_dioxide nuclear_energy solar_panels machine_learning blockchain taxes insurance mortgages gardening""".split()
]
SURNAMES = """Smith Johnson Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker
Young Allen King Wright Hill Green Adams Baker Nelson Carter Mitchell Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris
Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Watson Brooks Bennett Gray Hughes Price Myers Long Foster Garcia Lopez
Patel Kim Nguyen Singh Khan Fischer Schmidt Newton Einstein Mozart Shakespeare Napoleon Lincoln Caesar""".split()
ADJECTIVES = """big small long short old new good bad happy sad hot cold fast slow early late easy hard quiet loud bright dark clean dirty cheap expensive
heavy light strong weak green red tired hungry crazy rich poor famous beautiful ugly funny""".split()
