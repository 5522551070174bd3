"""Frequent given names of many countries, lower case: the only word list by which a person's name is told from others.

No names that are more often something else in data: months, colours, places, weekdays, makes of goods.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abby abdul abigail abraham ada adam adrian adriana adriano agnes agnieszka ahmad ahmed aidan aisha akira
    alain alan albert alberto alejandra alejandro aleksandra alessandro alex alexa alexander alexandra alexandre
    alexis alfred alfredo ali alice alicia alisha alison allen allison alvin alyssa amanda amelia amina amir amit
    amy ana anders andre andrea andreas andreea andres andrew andrey andrzej andy angel angela angelica anil anita
    anja anke ann anna anne annette annika anthony antoine anton antonia antonio ariana ariane arjun arnaud arthur
    arturo arun ashley astrid aubrey audrey ayse barbara barry bartosz beatrice beatriz becky ben
    benjamin bernard bernd bernhard beth bethany betty beverly bianca bill billy birgit bjorn blake bob bobby bonnie
    boris brad bradley brandi brandon brandy brenda brendan brent brett brian briana brianna bridget brooke bruce
    bruno bryan bryant byron caitlin caleb calvin cameron camila camille candace candice carl carla carlos carly
    carmen carol carole carolina caroline carolyn carrie carsten casey cassandra cassie catalina catherine cathy
    cecilia cedric celine cesar chad chantal charlene charles charlie chelsea cheryl chloe chris christa
    christian christiane christina christine christoph christophe christopher christy cindy claire clara clarence
    claude claudia claudio clayton clemens clement clifford clinton cody colin colleen connor corey cory courtney
    craig cristian cristina curtis cynthia daisuke dale dalton damian damien dan dana daniel daniela
    daniele danielle danny darrell darren darryl dave david dean deanna deb deborah debra dennis denise derek
    derrick desiree destiny devin diana diane diego dieter dimitri dina dirk dmitri dolores dominic dominik dominique
    don donald donna doris dorothy doug douglas duncan dustin dwayne dylan ebony ed eddie edgar edgardo edith eduardo
    edward edwin eileen elaine eleanor elena eli elias elijah elisabeth elise elizabeth ella ellen emil emilia emilie
    emily emma emmanuel enrique eric erica erich erik erika erin ernest ernesto esteban esther ethan eugene eva evan
    evelyn ewa fabian fabio fatima fatma federico felipe felix fernando fiona florian frances francesca
    francesco francis francisco franck francois frank franklin franz fred frederic frederick frederik friedrich
    gabriel gabriela gabriella gabrielle gail garrett gary gavin gemma geoffrey george gerald gerard gerhard gilbert
    gilles gina giorgio giovanna giovanni giulia giuseppe glenn gloria gordon graham greg gregory grzegorz
    guido guillaume guillermo gunther gustavo hailey hanna hannah hans harald harold harriet harry haruto hassan
    heather hector heidi heiko heinrich heinz helen helena helene helga henri henrik henry herbert hiroshi holly hope
    horst howard hugh hugo hussein ian ibrahim ida ignacio ines inge ingo ingrid irene irina iris isaac isabel
    isabella isabelle isaiah ismail ivan jaclyn jack jackie jackson jaclyn jacob jacqueline jacques jada jade jaime
    jake jakob jakub james jamie jan jana jane janet janice jared jasmin jasmine jason javier jay jean jeanne jeff
    jeffery jeffrey jenna jennifer jenny jens jeremiah jeremy jerome jerry jesse jessica jessie jesus jill jillian
    jim jimmy jin joan joanna joao joaquin jochen jodi joe joel joerg johan johanna johannes john johnathan johnny
    jon jonas jonathan jorge jose josef joseph josephine joshua joyce juan juana judith judy julia julian juliana
    julie julien juliette julio jun jurgen justin justine kaitlyn kari karen karin karina karl karla kate katelyn
    katherine kathleen kathrin kathryn kathy katie katja katrina katrin kayla kazuki keith kelli kellie kelly kelsey
    kelvin ken kendra kenji kenneth kerry kevin khalid kim kimberly klaus kris krista kristen kristi kristian kristin
    kristina kristine kristy krystal krzysztof kurt kyle kylie lacey lance larry lars latasha latoya laura lauren
    laurence laurent lawrence lea leah lee leila lena leo leon leonard leonardo leonie leroy leslie levi lewis liam
    lidia liliana lillian linda lindsay lindsey lisa logan lois lorena lorenzo lori lorraine louis louise luca lucas
    lucia lucie lucy luis luisa lukas luke lydia lynn mackenzie maciej madeline madison magdalena mahmoud maja
    malcolm mallory manfred manuel manuela marc marcel marcela marcelo marcin marco marcos marcus margaret margarita
    maria mariah mariam marian mariana marie marina mario marion marisa marissa marius marjorie mark marko markus
    marlene marshall marta martha martin martina marvin mary maryam masashi mateo mateusz mathias mathieu mathilde
    matteo matthew matthias maureen maurice maurizio max maxime maximilian megan mehmet melanie melinda melissa
    meredith michael michaela michal michel michele michelle miguel mihai mika mikael mike mikhail
    mindy miranda miriam mitchell mohamed mohammad mohammed moises molly monica monika monique morgan moritz
    morten mustafa nancy naomi natalia natalie nasser natasha nathan nathaniel neil nelson nichole nicholas nick
    nicola nicolas nicole niels nikhil niklas nikolai nils nina noah noemi nora norbert norma norman nuno odile
    olaf oleg olga oliver olivia olivier omar orlando oscar osman otto pablo paige pamela paola paolo pascal patrice
    patricia patrick patrik paul paula paulina pauline paulo pavel pedro peggy penelope per peter petra philip
    philipp philippe phillip phyllis pierre pilar piotr priya rachel rafael rahul raj rajesh ralf ralph ramon
    ramona randall randy raphael rashid raul ravi raymond rebecca rebekah regina reginald remi rena renate rene
    renee rhonda ricardo richard rick ricky rita robert roberta roberto robin robyn rodney rodrigo roger rohan
    roland rolf roman romain ron ronald ronnie rosa rosalie rosemary ross roy ruben rudolf russell ruth ryan sabine
    sabrina sally salvatore sam samantha samir samuel sandra sandrine sandy sanjay santiago sara sarah satoshi
    scott sean sebastian sebastien selena sergei sergey sergio seth shane shannon shanna sharon shaun shawn sheena
    sheila shelby shirley sidney silke silvia simon simona simone sofia sofie sonia sonja sophia sophie stacey stacy
    stanley stefan stefanie stefano steffen stella stephan stephanie stephen steve steven stuart sunil suresh susan
    susana susanne suzanne svein sven svetlana sylvain sylvia sylvie tabitha takashi tamara tammy tania tanja tanya
    tara tasha tatiana taylor ted terence teresa terri terry theodore theo theresa thierry thomas thorsten tiffany
    tim timo timothy tina tobias todd tom tomas tomasz tommy toni tony torsten tracey traci tracy travis trevor
    tristan troy tyler ulrich ulrike ursula ute uwe valentin valentina valerie vanessa vera vernon veronica veronika
    vicki vickie victor victoria vijay vikram viktor vincent vincenzo virginie vivian vladimir volker walter warren
    wayne wei wendy werner wesley whitney wilfried wilhelm willem william willie wolfgang xavier yan yann yannick
    yolanda yuki yuri yusuf yves yvonne zachary zoe
    achim adela adele agata agnese aitor alba aldo alessia alfonso alfons alicja alina aline alois amalia amelie anastasia
    andrej angelo anibal anneliese annemarie annika antonella antonino antonietta araceli ariadna arkadiusz armando arne
    artur asa astor aurora axel barbora bartolome begona berta birger birgitta blanca bogdan bram brigitte britta bruna
    caio carina carles carlota carmelo caterina cecile chiara christel christoffer cintia ciro claudine claus concepcion
    consuelo corinna cornelia cristobal dagmar damiano danuta dario davide dawid debora denis denny dominika donato
    dorota dorothea edeltraud edith eduard edyta ekkehard elfriede elisabetta elke elvira emanuele emiliano encarnacion
    enzo ernst erwin estrella eugenia eugenio eusebio eva-maria ewelina fabien fabrizio fausto felicia fermin filip
    filippo francisca franciszek frauke fredrik frida frieda gaetano gaspar gertrud gianluca gianni gilberto gisela
    giuliana giuliano gonzalo goran graciela greta grazyna greet gunnar gunter gustaf gustav hakan halina hanne hannelore
    hans-peter heinz-peter helmut hendrik henryk herman hermann hilda hilde hubert ignazio ildefonso ilse imke inga
    inmaculada iker ilona irma irmgard isidro iwona izabela jacek jacinto jadwiga jaap jan-erik janina janusz jaroslaw
    javiera jeannine jelena jerzy joakim joana jordi jorgen josefa josip jolanta judit julianna julieta justyna jutta
    kacper kai kaja kamil karl-heinz karolina kaspar katarina katarzyna kazimierz kerstin kirsten klara knut konrad
    krystian krystyna lara lasse leandro leopold leszek leticia lieselotte lilli lina linnea lisbeth liselotte lorena
    lothar lotte louise lucca luciana luciano ludovica ludwig luigi luisa lujza macarena magda malgorzata malin maik
    manuela manuella marcello marcin marek margot margarethe maren mariano mariella mariola mariusz marlies marcelina
    martijn marzena massimo mats matilde maribel mauro mechthild meike miguelangel milan milena miroslav miroslaw
    mirko mona monica montserrat nadia nadine natanael natasza nathalie nazaret nele nerea nestor niccolo nicolo nieves
    noelia nuria octavio oriol ornella oskar ottavio paloma paulina pawel pelle pia pieter piedad poul przemyslaw
    purificacion radoslaw rafal raimund raissa raquel reiner reinhard reinhold renata renato reyes ricarda rigoberto
    rino rosalia rosario rosemarie roswitha rudi rufino ruggero rupert ruy ryszard salome samuele sandro saskia saverio
    sebastiano severin sibylle siegfried siegmund sigrid silvio slawomir soledad sonja sophie staffan stanislaw stina
    susann sven-erik sybille sylwia szymon tadeusz tamas tatjana teodoro teofila tereza thea thiago thilo till torben
    traute trinidad ulf urszula ursel uta valentino valeria valerio vicente vinicius vito vitoria vittoria waldemar
    walburga waltraud weronika wieslaw wiktor wiktoria wilma wojciech wolfram wouter yago zbigniew zdenka zofia
    adelaide agathe alix andree anouk astrid auguste aurelie aurore bastien benoit bertrand capucine celina chantal
    colette constance corinne danielle denise edouard elodie emile etienne eugene franck gabriel georges gregoire
    guy henriette honore hortense hugues isaac jeannine jerome joseph jules lucette luce madeleine manon marcelle
    margaux margot marguerite marthe martine maryse mathilde michele monique nathalie noel odette olivie patrice
    paulette perrine philippine remy robert roger roland sebastien simone solange suzanne sylvie tristan valentine
    veronique yves zacharie
    """.split()
)
