"""Frequent given names of many countries, lower case: the only word list by which a person's name is told from others.

No names that are more often something else in data: months, colours, places, weekdays, makes of goods.
"""

from __future__ import annotations

_NAMES = """
    aaron abby abdul abigail abraham achim ada adam adela adelaide adele adrian adriana adriano agata agathe agnes
    agnese agnieszka ahmad ahmed aidan aisha aitor akira alain alan alba albert alberto aldo alejandra alejandro
    aleksandra alessandro alessia alex alexa alexander alexandra alexandre alexis alfons alfonso alfred alfredo ali
    alice alicia alicja alina aline alisha alison alix allen allison alois alvin alyssa amalia amanda amelia amelie
    amina amir amit amy ana anastasia anders andre andrea andreas andree andreea andrej andres andrew andrey
    andrzej andy angel angela angelica angelo anibal anil anita anja anke ann anna anne anneliese annemarie annette
    annika anouk anthony antoine anton antonella antonia antonietta antonino antonio araceli ariadna ariana ariane
    arjun arkadiusz armando arnaud arne arthur artur arturo arun asa ashley astor astrid aubrey audrey auguste
    aurelie aurora aurore axel ayse barbara barbora barry bartolome bartosz bastien beatrice beatriz becky begona
    ben benjamin benoit bernard bernd bernhard berta bertrand beth bethany betty beverly bianca bill billy birger
    birgit birgitta bjorn blake blanca bob bobby bogdan bonnie boris brad bradley bram brandi brandon brandy brenda
    brendan brent brett brian briana brianna bridget brigitte britta brooke bruce bruna bruno bryan bryant byron
    caio caitlin caleb calvin cameron camila camille candace candice capucine carina carl carla carles carlos
    carlota carly carmelo carmen carol carole carolina caroline carolyn carrie carsten casey cassandra cassie
    catalina caterina catherine cathy cecile cecilia cedric celina celine cesar chad chantal charlene charles
    charlie chelsea cheryl chiara chloe chris christa christel christian christiane christina christine christoffer
    christoph christophe christopher christy cindy cintia ciro claire clara clarence claude claudia claudine
    claudio claus clayton clemens clement clifford clinton cody colette colin colleen concepcion connor constance
    consuelo corey corinna corinne cornelia cory courtney craig cristian cristina cristobal curtis cynthia dagmar
    daisuke dale dalton damian damiano damien dan dana daniel daniela daniele danielle danny danuta dario darrell
    darren darryl dave david davide dawid dean deanna deb debora deborah debra denis denise dennis denny derek
    derrick desiree destiny devin diana diane diego dieter dimitri dina dirk dmitri dolores dominic dominik
    dominika dominique don donald donato donna doris dorota dorothea dorothy doug douglas duncan dustin dwayne
    dylan ebony ed eddie edeltraud edgar edgardo edith edouard eduard eduardo edward edwin edyta eileen ekkehard
    elaine eleanor elena elfriede eli elias elijah elisabeth elisabetta elise elizabeth elke ella ellen elodie
    elvira emanuele emil emile emilia emiliano emilie emily emma emmanuel encarnacion enrique enzo eric erica erich
    erik erika erin ernest ernesto ernst erwin esteban esther estrella ethan etienne eugene eugenia eugenio eusebio
    eva eva-maria evan evelyn ewa ewelina fabian fabien fabio fabrizio fatima fatma fausto federico felicia felipe
    felix fermin fernando filip filippo fiona florian frances francesca francesco francis francisca francisco
    franciszek franck francois frank franklin franz frauke fred frederic frederick frederik fredrik frida frieda
    friedrich gabriel gabriela gabriella gabrielle gaetano gail garrett gary gaspar gavin gemma geoffrey george
    georges gerald gerard gerhard gertrud gianluca gianni gilbert gilberto gilles gina giorgio giovanna giovanni
    gisela giulia giuliana giuliano giuseppe glenn gloria gonzalo goran gordon graciela graham grazyna greet greg
    gregoire gregory greta grzegorz guido guillaume guillermo gunnar gunter gunther gustaf gustav gustavo guy
    hailey hakan halina hanna hannah hanne hannelore hans hans-peter harald harold harriet harry haruto hassan
    heather hector heidi heiko heinrich heinz heinz-peter helen helena helene helga helmut hendrik henri henriette
    henrik henry henryk herbert herman hermann hilda hilde hiroshi holly honore hope horst hortense howard hubert
    hugh hugo hugues hussein ian ibrahim ida ignacio ignazio iker ildefonso ilona ilse imke ines inga inge ingo
    ingrid inmaculada irene irina iris irma irmgard isaac isabel isabella isabelle isaiah isidro ismail ivan iwona
    izabela jaap jacek jacinto jack jackie jackson jaclyn jacob jacqueline jacques jada jade jadwiga jaime jake
    jakob jakub james jamie jan jan-erik jana jane janet janice janina janusz jared jaroslaw jasmin jasmine jason
    javier javiera jay jean jeanne jeannine jeff jeffery jeffrey jelena jenna jennifer jenny jens jeremiah jeremy
    jerome jerry jerzy jesse jessica jessie jesus jill jillian jim jimmy jin joakim joan joana joanna joao joaquin
    jochen jodi joe joel joerg johan johanna johannes john johnathan johnny jolanta jon jonas jonathan jordi jorge
    jorgen jose josef josefa joseph josephine joshua josip joyce juan juana judit judith judy jules julia julian
    juliana julianna julie julien julieta juliette julio jun jurgen justin justine justyna jutta kacper kai kaitlyn
    kaja kamil karen kari karin karina karl karl-heinz karla karolina kaspar katarina katarzyna kate katelyn
    katherine kathleen kathrin kathryn kathy katie katja katrin katrina kayla kazimierz kazuki keith kelli kellie
    kelly kelsey kelvin ken kendra kenji kenneth kerry kerstin kevin khalid kim kimberly kirsten klara klaus knut
    konrad kris krista kristen kristi kristian kristin kristina kristine kristy krystal krystian krystyna krzysztof
    kurt kyle kylie lacey lance lara larry lars lasse latasha latoya laura lauren laurence laurent lawrence lea
    leah leandro lee leila lena leo leon leonard leonardo leonie leopold leroy leslie leszek leticia levi lewis
    liam lidia lieselotte liliana lilli lillian lina linda lindsay lindsey linnea lisa lisbeth liselotte logan lois
    lorena lorenzo lori lorraine lothar lotte louis louise luca lucas lucca luce lucette lucia luciana luciano
    lucie lucy ludovica ludwig luigi luis luisa lujza lukas luke lydia lynn macarena maciej mackenzie madeleine
    madeline madison magda magdalena mahmoud maik maja malcolm malgorzata malin mallory manfred manon manuel
    manuela manuella marc marcel marcela marcelina marcelle marcello marcelo marcin marco marcos marcus marek maren
    margaret margarethe margarita margaux margot marguerite maria mariah mariam marian mariana mariano maribel
    marie mariella marina mario mariola marion marisa marissa marius mariusz marjorie mark marko markus marlene
    marlies marshall marta martha marthe martijn martin martina martine marvin mary maryam maryse marzena masashi
    massimo mateo mateusz mathias mathieu mathilde matilde mats matteo matthew matthias maureen maurice maurizio
    mauro max maxime maximilian mechthild megan mehmet meike melanie melinda melissa meredith michael michaela
    michal michel michele michelle miguel miguelangel mihai mika mikael mike mikhail milan milena mindy miranda
    miriam mirko miroslav miroslaw mitchell mohamed mohammad mohammed moises molly mona monica monika monique
    montserrat morgan moritz morten mustafa nadia nadine nancy naomi nasser natalia natalie natanael natasha
    natasza nathalie nathan nathaniel nazaret neil nele nelson nerea nestor niccolo nicholas nichole nick nicola
    nicolas nicole nicolo niels nieves nikhil niklas nikolai nils nina noah noel noelia noemi nora norbert norma
    norman nuno nuria octavio odette odile olaf oleg olga oliver olivia olivie olivier omar oriol orlando ornella
    oscar oskar osman ottavio otto pablo paige paloma pamela paola paolo pascal patrice patricia patrick patrik
    paul paula paulette paulina pauline paulo pavel pawel pedro peggy pelle penelope per perrine peter petra philip
    philipp philippe philippine phillip phyllis pia piedad pierre pieter pilar piotr poul priya przemyslaw
    purificacion rachel radoslaw rafael rafal rahul raimund raissa raj rajesh ralf ralph ramon ramona randall randy
    raphael raquel rashid raul ravi raymond rebecca rebekah regina reginald reiner reinhard reinhold remi remy rena
    renata renate renato rene renee reyes rhonda ricarda ricardo richard rick ricky rigoberto rino rita robert
    roberta roberto robin robyn rodney rodrigo roger rohan roland rolf romain roman ron ronald ronnie rosa rosalia
    rosalie rosario rosemarie rosemary ross roswitha roy ruben rudi rudolf rufino ruggero rupert russell ruth ruy
    ryan ryszard sabine sabrina sally salome salvatore sam samantha samir samuel samuele sandra sandrine sandro
    sandy sanjay santiago sara sarah saskia satoshi saverio scott sean sebastian sebastiano sebastien selena sergei
    sergey sergio seth severin shane shanna shannon sharon shaun shawn sheena sheila shelby shirley sibylle sidney
    siegfried siegmund sigrid silke silvia silvio simon simona simone slawomir sofia sofie solange soledad sonia
    sonja sophia sophie stacey stacy staffan stanislaw stanley stefan stefanie stefano steffen stella stephan
    stephanie stephen steve steven stina stuart sunil suresh susan susana susann susanne suzanne svein sven
    sven-erik svetlana sybille sylvain sylvia sylvie sylwia szymon tabitha tadeusz takashi tamara tamas tammy tania
    tanja tanya tara tasha tatiana tatjana taylor ted teodoro teofila terence teresa tereza terri terry thea theo
    theodore theresa thiago thierry thilo thomas thorsten tiffany till tim timo timothy tina tobias todd tom tomas
    tomasz tommy toni tony torben torsten tracey traci tracy traute travis trevor trinidad tristan troy tyler ulf
    ulrich ulrike ursel ursula urszula uta ute uwe valentin valentina valentine valentino valeria valerie valerio
    vanessa vera vernon veronica veronika veronique vicente vicki vickie victor victoria vijay vikram viktor
    vincent vincenzo vinicius virginie vito vitoria vittoria vivian vladimir volker walburga waldemar walter
    waltraud warren wayne wei wendy werner weronika wesley whitney wieslaw wiktor wiktoria wilfried wilhelm willem
    william willie wilma wojciech wolfgang wolfram wouter xavier yago yan yann yannick yolanda yuki yuri yusuf yves
    yvonne zacharie zachary zbigniew zdenka zoe zofia
"""
GIVEN_NAMES = frozenset(_NAMES.split())
