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
(any|is there any|are there any) news (from|about|on) ({place}|{name} {surname}|{subject}|the election)
(is there|was there) (a storm|an earthquake|a strike|an accident|a match|a holiday) (in {place}|today|tomorrow|on {weekday})
how (deep|high) is the (snow|water|tide) (today|in {place}|)
what's the (wind|air quality|pollen count|humidity|water level|uv index) (today|in {place}|like|)
will (the sun shine|there be snow|there be a storm|it clear up|it get warmer) (tomorrow|on {weekday}|this weekend|in {place})
(how many|how much) (goals|points|votes|medals|money) did ({name}|{name} {surname}|{place}) (get|score|win|make) (yesterday|this year|)
(is|are) ({name} {surname}|the trains|the flights|the {noun} shop) (late|on time|delayed|running|live) (today|now|)
when (is|will) (the next|the) (election|eclipse|full moon|concert|holiday|strike|match|season of {word}) (be|start|)
where (is|can i find) (a|an) (open|good|cheap) (restaurant|hotel|garage|doctor|vet|cinema|{noun} shop) (near me|around here|in {place}|)
(how much|what) (does|do) (a ticket|a room|petrol|a {noun}|rent|electricity) cost (in {place}|now|today|these days)
what are people saying about ({name} {surname}|{subject}|the {noun}|{place})
(what|which) (songs|films|books|shows) (are|is) (popular|number one|new|trending) (this week|now|today|in {place})
(show|give|read) me (the|today's) (headlines|results|scores|listings|lottery numbers|top stories)
who (is|are) (playing|singing|speaking|winning) (tonight|in {place}|at the stadium|this weekend)
(check|look up) (the|my) (flight|train|order|parcel|bank balance|delivery) (for me|to {place}|)
where is my (parcel|order|taxi|pizza|driver|train)
how long (will|does) it take (by car|by train|on foot|) to (get to|reach) {place} (now|today|)
(what|which) (gate|platform|terminal) does (my|the) (flight|train|bus) (to {place}|) leave from
is (there|) school (open|) (today|tomorrow|on {weekday})
how busy is (the gym|the {noun} shop|{place}|the road) (now|right now|today)
what (is|was) the exchange rate (of the {word}|for {place}|today|)
(did|has) ({name} {surname}|{place}|my team|the {word} party) (win|won|lose|lost|played) (yesterday|last night|already|)
(what's|what is|how's|tell me|give me) the (forecast|outlook|weather forecast|weather report) (for|in|of) ({place}|{weekday}|tomorrow|today|the weekend|next week)
(what's|what is|how's|how is) the weather (going to be|looking|) (tomorrow|tonight|next week|this weekend|over there|here)
(will there be|is there|was there) (rain|sun|snow|wind|frost) (tomorrow|yesterday|tonight|in {place})
how (are|is) (the|) (prices|shares|stocks|dollar|euro|economy|bitcoin|oil price|housing market) (doing|going|developing|today)
(did|has|have) (my|our|the {colour}) (team|club|side|party) (win|won|lost|play|played) (yesterday|today|on {weekday}|last night)
when (is|does) (my|the next) (team|club|train) (playing|play|leaving)
(how|what) are the (roads|trains|queues|waves|tides|temperatures) (like|) (today|in {place}|)
(tomorrow|today|tonight) (will it|is it going to) (rain|snow|be sunny|be cold|freeze)
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
(put|place) the {noun} (on|in|next to) the {noun2}
(start|run|stop|empty) the (dishwasher|washing machine|vacuum cleaner|car|robot|oven|printer)
(warm|cool|heat) (up|down|) the (room|house|bedroom|car|oven) (a bit|to {n} degrees|)
make the (screen|light|room|sound) (brighter|darker|louder|softer|{colour})
(mute|unmute|restart|charge|update|unlock) (my|the) (phone|tv|tablet|computer|speaker|{noun})
(connect|pair) (to|with) (my|the) (headphones|wifi|bluetooth|{noun}|tv)
(hang up|answer the phone|take the call|decline the call)
(tell|ask) ({name}|my {noun}|mom|the neighbors|my boss) (to come home|where they are|that dinner is ready|to call me back|about the {noun})
(leave|record) a (voicemail|voice message|memo) for ({name}|my boss|dad)
(reply|answer) to ({name}|the last message|that email|my mom) (that i agree|with yes|)
(post|share|upload) (this|a photo|my {noun}) (on|to) (instagram|facebook|{word}|my page)
(delete|move|copy|rename|download) (the|my|all) (photos|files|emails|{noun} folder|songs)
(print|scan|fax) (this|the {noun}|my {noun}|two pages)
(pay|transfer|send) ({n} dollars|my bill|the rent|some money) (to {name}|today|)
(cancel|change|confirm) my (appointment|flight|subscription|order|reservation|membership) (with {name}|to {place}|on {weekday}|)
(sign|log) me (in|out|up) (to|of|for) (my account|{word}|the newsletter)
(remind|tell) {name} (about the {noun}|to feed the dog|of the meeting)
(turn|flip|open|shut|move) the {noun} (around|over|up|down|)
(feed|walk|wash) the (dog|cat|car|baby|plants|fish)
(water|cut|mow) the (lawn|flowers|hedge|garden|grass)
(hire|find|get) (me|us|) (a|an) (plumber|electrician|babysitter|lawyer|cleaner|ride|job)
(teach|help) me (how|) to (dance|cook|swim|read|speak {language}|play the {noun})
(help|assist) me (with|finish) (my homework|the {noun}|this letter|my taxes|a crossword)
(check|correct|proofread|rewrite|shorten) (my|this) (essay|spelling|text|grammar|letter)
(make|create|build|design) (me|) (a|an) (website|app|logo|presentation|spreadsheet|plan for {subject}|list of {noun}s)
(generate|give me|suggest) (a|some) (password|names for a {noun}|ideas for {name}'s birthday|gift ideas)
(play|let's play) (a game|chess|hangman|twenty questions|rock paper scissors) (with me|)
(pick|choose|guess) a (number|card|color|name|{noun}) (between one and ten|for me|)
(imitate|sound like|pretend to be) (a|an|the) (pirate|cat|dog|robot|{noun}|king)
(laugh|whistle|hum|bark|cry|whisper|shout) (for me|please|)
(speak|talk) (louder|slower|faster|quieter|in another voice|like a man|like a woman)
(change|use) (your|a|another) (voice|name|language|accent)
(record|film|photograph) (me|this|the {noun}|the meeting)
(recognize|name|identify) this (song|plant|picture|voice|bird)
(stream|watch|show) (the game|a film|{word}|the news|netflix) (on the tv|)
(increase|decrease|lower|raise) the (volume|speed|brightness|temperature|price) (by {n}|)
(wake|get) (the kids|{name}|everybody) up
(guide|lead|bring|fly) me (out of here|to {place}|home|there)
(shut down|reboot|turn yourself off|go to sleep|restart yourself)
(buy|sell) {n} (shares|stocks|{noun}s) (of {word}|)
(reserve|rent|lease) (me|) (a|an) (car|bike|apartment|boat|{noun}) (in {place}|for {weekday}|)
(turn|switch|put) the {noun} in the (kitchen|bedroom|hall|office|living room|bathroom|garage) (on|off)
(turn|switch) (on|off) (my|every|all|that|the other) {noun} (upstairs|downstairs|outside|please|)
(turn|switch|power) (on|off) (the|my) {noun} (please|now|at once|for me|)
(can|could) you (turn|switch) (on|off|up|down) (the|my) ({noun}|lights|heating|radio|{noun} in the hall|{noun} in the office)
(power|shut) (down|off) the {noun} (in the hall|in the office|)
(turn|switch) the (lights|light|lamp|heating|{noun}) (on|off) (in the hall|in the office|upstairs|)
(is|are) the (lights|{noun}|heating|oven) in the (kitchen|bedroom|hall) (on|off|still on)
read (me|out|) (my|the) (letters|texts|post|mails|voicemail|notifications|newspaper) (please|aloud|)
(show|open|check) my (inbox|photos|contacts|calendar|notifications)
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
(do you know|can you tell me|i want to know|i wonder) (who invented|who discovered|where they make|when they built) (the {noun}|{subject}|{place})
(do you know|can you tell me|i'd like to know) (what {subject} is|how {subject} works|why {subject} matters|something about {subject})
(tell|teach) me (something|more|a bit) about ({subject}|{place}|{name} {surname}|the {noun}|{subject2})
(tell|teach) me about ({place}|the history of {place}|{name} {surname}|{noun}s|how {subject} began)
what (do you know|can you tell me) about ({subject}|{place}|{name} {surname}|{noun}s|{language} grammar)
(have you heard of|do you know) ({name} {surname}|{subject}|the {noun} of {place}|{word})
(in|on) which (continent|country|river|ocean|state) (is|lies) {place}
which (country|city|animal|planet|metal) (has|is) (the most {noun}s|the {colour} flag|the {adjective} one|named after {surname})
(where|when) (do|does|did) (the {noun}|{subject}|{name} {surname}|{noun}s) (come from|live|begin|happen|grow)
where (is|are|was) (the {noun}|{name} {surname}|{subject}|the {noun} of {place}) (buried|made|born|kept|found)
who (was|were|is) the (first|last|youngest|richest|{adjective}) (president|king|queen|woman|man|person) (of {place}|to fly|in {place}|)
who (are|were) (the {surname}s|the {surname} brothers|the people of {place}|the {word})
(what|which) (book|film|song|painting|speech) (is|was) (by {name} {surname}|about {subject}|from {place}|famous)
(what|how much) does (a|an|one) {noun} (weigh|measure|cost to make|contain)
how (fast|far|high|long|often) (can|does|do) (a {noun}|{noun}s|{name} {surname}|light|sound) (run|fly|jump|live|travel|sleep)
how (are|is|was|were) ({noun}s|{subject}|the {noun}|glass|paper|cheese) (made|built|born|discovered|measured)
how did ({name} {surname}|{subject}|the {noun}|the dinosaurs|{place}) (die|start|get its name|become famous|end)
how (come|is it that) ({noun}s are {adjective}|the {noun} is {adjective}|people {word}|the sea is {colour})
why did ({name} {surname}|the {noun}|{place}|the empire) (leave|fall|win|lose|become {adjective}|die)
why (is|was) ({name} {surname}|{place}|{subject}|the {noun}) (famous|so {adjective}|called that|important|banned)
what (kind|sort|type) of (animal|fruit|music|place|thing|person) is (a {noun}|{word}|{place}|{name} {surname})
what (colour|color|shape|size|age) (is|are|was) (a|the|) ({noun}|{noun}s|{place} flag|{name} {surname})
what (are|were) (the causes|the effects|the parts|the colors|the names|examples) of ({subject}|a {noun}|the {noun}|{place})
what is (a|an) ({noun}|{word}|{adjective} {noun}) (made of|for|called|good for|)
what (came|was) (first|there before) ({noun}|the {noun}|{subject}) or ({noun2}|the {noun2})
what do you (call|get from) (a {adjective} {noun}|someone who {word}|a {noun} without a {noun2})
what is {noun} (in latin|called in {place}|short for|spelled like)
what's the (history|story|origin|purpose|formula|symbol) of ({subject}|{place}|the {noun}|{word})
what's the (name|title|author|currency|anthem|flag) of ({place}|that {noun}|the {noun} song|the {adjective} {noun})
what's inside (a|the) ({noun}|{adjective} {noun}|moon|battery)
(explain|describe|define) ({subject}|{word}|the {noun}|how a {noun} works) (to me|in simple words|like i'm five|)
(is|was) ({name} {surname}|{place}|{subject}|a {noun}|the {noun}) (a country|real|dead|alive|married|{adjective}|older than {name2})
(is|are) (it|they) (true|legal|safe|possible|healthy) (that {noun}s {word}|to eat {noun}|to drive in {place}|to {word})
(does|do|did) ({place}|{name} {surname}|a {noun}|{noun}s|the moon) (have|own|need|make) (a king|{noun}s|a {noun}|water|money)
(can|could) (you|one|i) (eat|grow|freeze|recycle|reuse) (a {noun}|{noun}s|{noun}|the {noun})
(name|list) (three|some|all|the) (planets|rivers in {place}|kinds of {noun}|books by {surname}|presidents)
(which|what) (vitamins|foods|plants|animals|{noun}s) (are|is) (good for {subject}|in {place}|{adjective}|poisonous)
when (was|were) ({subject}|the {noun}|{name} {surname}|{noun}s|the first {noun}) (made|found|invented|popular|president)
when (do|does|should) (the {noun}|{noun}s|one|you|i) (bloom|ripen|hatch|plant {noun}s|sleep)
how many (people|{noun}s|kilos|pages|wives|rings) (does|did|do) (a {noun}|{place}|{name} {surname}|the {noun}) (have|need|own)
how much (water|sugar|money|{noun}|sleep|salt) (is there in|does one need for|goes into) (a {noun}|{noun}|the {noun}|{place})
how do (you|i|people) (play|tie|fold|build|draw|use|open) (a|the) ({noun}|{noun2}|{adjective} {noun})
how (do|can) (you|i) (treat|cure|prevent|avoid|stop) ({subject}|a headache|a cold|hiccups|{noun}s)
how (would|do) (you|i) (say|write|pronounce|spell) ({word}|{name}|{place}|{noun}) (correctly|in {language}|)
what's (bigger|heavier|older|faster|better for you) (a {noun} or a {noun2}|{place} or {place2}|the {noun} or the {noun2})
who's (older|taller|richer|the better singer) ({name} {surname} or {name2}|{name} or {name2})
what (comes|goes) (after|before|well with|next to) ({noun}|the {noun}|{word}|{subject})
what (war|king|battle|book|animal) (ended|ruled|began|lived) in ({place}|the {noun}|nineteen hundred)
where (lies|exactly is|on earth is) {place}
where is {place} (located|exactly|on the map)
(can|could|would) you (tell me|explain) (where|how|why|when) (they|people) (use|eat|build|grow|sell) ({noun}s|{subject}|{noun})
how long (does it|would it|will it) take (me|) to (fly|drive|walk|sail|travel) (to {place}|from {place} to {place2})
what (do|does) (a|an|the) {noun} (need|like|want|sound like|taste like|look like) (like|)
what do {noun}s (do|eat|need|look like|cost|drink) (all day|at night|)
(is|are) (a|the) {noun} (an animal|a fruit|expensive|alive|heavy)
how many (calories|vitamins|legs|teeth|wheels) (are in|are on|has) (a|an|the|one) {noun}
how much sugar is in (a|an|one) {noun}
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
(would|could) you (rather|) (live in {place}|eat {noun}|be a {noun}|read a book|see the world)
(why|how|when) (do|did|are|were) you (so {adjective}|made|born|laughing|sad|learn to talk)
what (makes|made) you (happy|sad|angry|laugh|think so|say that)
(do|does) (you|{name}) (think|believe) ({subject} is {adjective}|{place} is {adjective}|i am {adjective}|{name2} is right|the {noun} is {adjective})
is (this|that|it|{noun}|{place}|{subject}) (worth it|a good idea|fun|boring|worth the money|{adjective} enough)
(would|should|could) (i|we|you|{name}) (try|visit|marry|study|learn|stop) ({place}|{subject}|{language}|{noun}|the {noun})
(which|what) (color|name|car|city|school|{noun}) (suits me|do you prefer|is the nicest|would you take|fits a {noun})
(how|what) would you (describe|call|spend|change|do with) (me|yourself|a million dollars|the world|my {noun}|{place})
(am i|are we|is she|is he|are they) (too {adjective}|in love|alone|friends|late|going to be {adjective})
(what's|who's|which is) the (worst|funniest|most beautiful|most {adjective}|nicest) ({noun}|person|place|word) (you know|in the world|ever|)
do you (ever|sometimes|really) (sleep|lie|get {adjective}|dream of {noun}s|think about {subject}|feel pain)
(do|would) you (mind|care) (if i {word}|about {noun}|about me|the {noun})
what (is|was) (your|the) (biggest dream|worst day|secret|plan|problem|favorite {noun})
(convince|cheer|comfort|inspire|surprise) me (that {noun}s are {adjective}|up|today|)
(who|which) (will|is going to) (win|be president|be {adjective}|rule the world)
where (would|should) (you|i|we) (go|live|eat|travel|hide) (tonight|in {place}|next {weekday}|)
(how|why) (can|should|do) i (trust|love|forgive|leave|believe) (you|{name}|my {noun}|people)
what (gift|present|name) (should|could) i (give|get|choose) (for|) ({name}|my {noun}|mom|a {noun})
does (my {noun}|the {noun}|{name}|it) (look|sound|smell) ({adjective}|good|strange)
is (life|love|money|{subject}|time) (fair|everything|real|{adjective}|a lie)
(what|which|who) is the (worst|nicest|funniest|coolest|best) ({noun}|band|city|book|car|{word}) (in the world|of all|ever|for you)
where (should|could|shall) (i|we) (go|eat|live|travel|stay) (in {place}|tonight|next|on {weekday}|)
(what|which) (city|{noun}|place) (would|do) you (prefer|choose|like best)
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
(my|our|the) ({noun}|{noun2}|{name}|neighbor) (is|was) (so|very|too|) ({adjective}|late|broken|gone|sick) (again|today|)
(we|they|she|he) (went|came|drove|moved|flew) (home|to {place}|away|back from {place}) (yesterday|last night|on {weekday}|)
(he|she|{name}|somebody) (stole|broke|found|bought|lost|ate) (my|the|a) ({noun}|{noun2}|{adjective} {noun})
i (just|already|never|always) (saw|ate|bought|lost|broke|forgot|met) (a|the|my) ({noun}|{adjective} {noun}|{noun2})
i (can't|couldn't|can not) (sleep|find my {noun}|hear you|see the {noun}|believe it|wait)
i (wish|hope) (i was {adjective}|you were here|{name} would call|it was {weekday}|for a {noun})
i'm (not|) (sure|afraid|married|from {place}|a {noun}|{adjective}|allergic to {noun}|late)
i (used to|want to|have to|would like to) (live in {place}|be a {noun}|see {name}|go home|buy a {noun}|learn {language})
(that|this|it) (was|is) (a|the) ({adjective} {noun}|joke|mistake|best {noun}|end)
(there is|there was|there's) (a|an|no) ({noun}|{adjective} {noun}|{noun} here|problem) (in|on|under|with) (the|my) ({noun2}|{noun}|kitchen)
(you|they) (should|must|never|can) (listen|know|see this|be {adjective}|come to {place})
(don't|do not) (worry|say that|be {adjective}|laugh|touch the {noun}|talk to me like that)
(look|watch out|be careful|hurry up|go away|shut up|leave me alone|come here|wait a moment)
(nobody|everybody|somebody) (loves|knows|likes|hates|called) (me|{name}|the {noun}|{noun}s|you)
(maybe|perhaps|probably|of course|certainly|exactly|absolutely) (not|{name} is right|it's {adjective}|)
(life|work|school|{place}|winter|{subject}) is (so|too|really|) ({adjective}|hard|boring|great|wonderful|stressful)
({name}|my {noun}|my wife|my husband|the boss) (is|isn't) (here|at home|{adjective}|talking to me|happy)
(good|bad|great|funny|strange) (news|story|question|point|job|{noun})
(happy|merry) (birthday|christmas|new year|easter|{weekday})
(in|on|at) (the|my) ({noun}|{noun2}|morning|evening) (i|we|they) (sing|read|run|eat|sleep)
(yesterday|today|tomorrow|last week|on {weekday}) (was|is|will be) ({adjective}|my birthday|a {adjective} day|the day)
(once upon a time|long ago|one day) there was a ({noun}|{adjective} {noun}|king in {place})
the {noun} (and|or|without|with) the {noun2}
{adjective} {noun}s (are|have|need) ({adjective}|{noun2}s|more {noun})
(who|what|where) (cares|a day|a surprise|else|now)
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
    vitamins protein carbon_dioxide nuclear_energy solar_panels machine_learning blockchain taxes insurance mortgages gardening
    thunder lightning tides glaciers deserts coral_reefs rainforests the_equator continents oxygen hydrogen atoms molecules crystals gold iron
    steel concrete plastic rubber oil coal steam_engines rockets satellites telescopes microscopes radios computers robots programming
    algebra geometry statistics logic grammar poetry opera ballet jazz painting sculpture architecture photography film theater cooking
    baking wine beer coffee tea chocolate cheese bread rice sugar salt honey bees ants spiders snakes sharks whales elephants horses wolves
    birds mushrooms roses trees seeds genes cells blood muscles bones the_brain sleep memory dreams stress depression headaches allergies
    the_flu malaria surgery antibiotics law contracts elections parliament kings slavery the_cold_war world_war_one the_crusades
    the_middle_ages ancient_egypt ancient_greece the_aztecs the_silk_road trade banks money bitcoin pensions marriage religion christianity
    islam hinduism atheism ethics psychology economics politics tennis golf cricket baseball boxing cycling swimming skiing sailing
    fishing hunting camping knitting chess_openings card_games magic ghosts ufos astrology time_travel parallel_universes string_theory
    artificial_intelligence electric_cars airplanes trains bridges tunnels skyscrapers""".split()
]
SURNAMES = """Smith Johnson Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson White Harris Clark Lewis Robinson Walker
Young Allen King Wright Hill Green Adams Baker Nelson Carter Mitchell Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris
Murphy Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Watson Brooks Bennett Gray Hughes Price Myers Long Foster Garcia Lopez
Patel Kim Nguyen Singh Khan Fischer Schmidt Newton Einstein Mozart Shakespeare Napoleon Lincoln Caesar""".split()
ADJECTIVES = """big small long short old new good bad happy sad hot cold fast slow early late easy hard quiet loud bright dark clean dirty cheap expensive
heavy light strong weak green red tired hungry crazy rich poor famous beautiful ugly funny""".split()
