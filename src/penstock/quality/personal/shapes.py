"""What values of personal data look like, as SQL conditions on a text.

What carries a check digit must satisfy it, or every long code would be one. CASE keeps the costly tests to the rows
that passed a cheap one; AND would run them on all.
"""

from __future__ import annotations

from penstock.quality.personal.given_names import GIVEN_NAMES
from penstock.sql.identifiers import literal

NUMERAL = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)"
_EMAIL = "[^@ ,;]+@[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}"
_PHONE = "[+]?[0-9(][0-9 ().-]{5,20}[0-9]( ?(x|ext[.]?) ?[0-9]{1,5})?"
_DIALLED = "([+(]|00?[1-9]).*|.*[(].*|(1[ .-])?[2-9][0-9]{2}[ .-][0-9]{3}[ .-][0-9]{4}.*"
_BOOK = "(97[89]-)?[0-9]{1,5}-[0-9]{1,7}-[0-9]{1,7}-[0-9X]"
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LUHN = (
    "list_sum(list_transform(list_reverse(string_split({digits}, '')), lambda d, i: CASE WHEN i % 2 = 1 "
    "THEN d::INTEGER ELSE d::INTEGER * 2 - CASE WHEN d::INTEGER > 4 THEN 9 ELSE 0 END END)) % 10 = 0"
)
_MOD_97 = (
    "list_reduce(list_transform(string_split(substr({code}, 5) || substr({code}, 1, 4), ''), "
    f"lambda c: strpos('{_LETTERS}', c) - 1), "
    "lambda a, v: (a * CASE WHEN v > 9 THEN 100 ELSE 10 END + v) % 97) = 1"
)
# 0 to 9 for the first digit of a Spanish number of a foreigner, and the letter that its remainder demands
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_CLOCKLESS = "[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00:00([.]0+)?)?"
_OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_NATIONAL = (
    "[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}",  # United States: social security number
    "[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",  # United Kingdom: insurance number
    "[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]",  # Italy: codice fiscale
    "[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}",  # Brazil: CPF
    "([0-9]{2})?[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])[-+][0-9]{4}",  # Sweden: personnummer
    "([0-2][0-9]|3[01])(0[1-9]|1[0-2])[0-9]{2}[-+A][0-9]{3}[0-9A-Y]",  # Finland: henkilötunnus
)
_STREETS = (
    "street|st|avenue|ave|av|road|rd|boulevard|blvd|blv|drive|dr|lane|ln|court|ct|way|place|pl|circle|cir|close|"
    "square|sq|parkway|pkwy|highway|hwy|terrace|crescent|loop|trail|rue|chemin|allée|quai|impasse|via|viale|piazza|"
    "corso|vicolo|contrada|strada|borgo|calle|c/|callejón|camino|pasaje|ronda|glorieta|rambla|cuesta|avenida|avda|"
    "paseo|plaza|rua|travessa|largo|alameda|praça|ulica|ul|aleja|plac|weg|allee|platz|ring|gasse|strasse|straße"
)
_STREET_ENDS = (
    "str[.]?|stra(ss|ß)e|weg|allee|platz|gasse|ring|damm|ufer|laan|straat|plein|kade|gracht|singel|gade|vej|gatan|"
    "vägen|gränd|stigen|katu"
)
_SUFFIXES = (
    "alley|bend|bluffs?|bridge|brook|burgs?|bypass|canyon|causeway|cliffs?|common|corners?|course|coves?|creek|crest|"
    "crossing|curve|dale|divide|estates?|expressway|extension|falls?|ferry|fields?|flats?|fords?|forest|forges?|forks?|"
    "freeway|gardens?|gateway|glens?|greens?|groves?|harbors?|haven|heights|hills?|hollow|inlet|islands?|isle|junctions?|"
    "keys?|knolls?|lakes?|landing|locks?|lodge|manors?|meadows?|mews|mills?|mission|motorway|mount|mountains?|orchard|"
    "oval|overpass|park|pass|passage|path|pike|pines?|plains?|points?|ports?|prairie|ranch|rapids?|ridges?|river|roads|"
    "route|row|run|shoals?|shores?|skyway|springs?|spurs?|squares|station|stravenue|stream|streets|summit|throughway|"
    "trace|track|trafficway|tunnel|turnpike|underpass|unions?|valleys?|viaduct|views?|villages?|ville|vista|walks?|wells?"
)
_UNIT = "(apt|apartment|suite|ste|unit|flat|studio|piso|puerta|interno)[.]? ?[0-9]{1,5}[a-z]?"
_HOUSE = "[0-9]{1,5} ?[a-z]?([-/][0-9]{1,4}[a-z]?)?"
_ADDRESSES = (
    rf"{_HOUSE},? .*\b({_STREETS})\b.*",
    rf".*\b({_STREETS})\b.*[ ,]{_HOUSE}([ ,].*)?",
    rf"[^0-9]*({_STREET_ENDS}),? {_HOUSE}([ ,].*)?",
    rf"{_HOUSE} [\p{{L}}' ]+ ?({_SUFFIXES})( {_UNIT})?(,.*)?",
    rf"(.*[ ,])?{_UNIT}([ ,].*)?",
    r"(p[.]? ?o[.]? ?box|postfach|apartado|boîte postale) #?[0-9]+.*",
)
_POSTED = (
    r".*[0-9].*, .*\b[A-Z]{2} [0-9]{5}(-[0-9]{4})?",  # a line that ends in a state and a ZIP code
    r".+,? [A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2}",  # in a British postcode
    r".*[0-9]+.*, *([A-Z]{1,2}-)?[0-9]{2}[0-9-]{2,5} [\p{Lu}].*",  # or in a code and a town
)
_NAME_PART = r"(\p{Lu}[\p{L}'’.-]*,?|de|da|di|van|von|der|la|le|el|al|bin)"

KNOWN = f"SELECT {literal(' ' + ' '.join(sorted(GIVEN_NAMES)) + ' ')} AS names"
"""What the conditions read besides the text, as `_penstock_known`. Each copy takes the database time to bind."""

KINDS = (
    "emails",
    "phones",
    "cards",
    "card_shapes",
    "ibans",
    "birth_dates",
    "national_ids",
    "ip_addresses",
    "addresses",
    "name_shapes",
    "full_names",
    "given_names",
)
"""What `conditions` counts, in its order; fields of `ColumnProfile`."""


def conditions(text: str) -> tuple[str, ...]:
    """For each of `KINDS`, a condition that is true where `text` (SQL of type VARCHAR) looks like it.

    A phone number shows separators or a plus, begins as one that is dialled, and is no number nor date. A birth date is
    a date without a clock, from 1900 to 2015. Names are told by three counts together: what is written as names are,
    and what among it begins with (or, after a comma, goes on with) a frequent given name, or is one.
    """
    return (
        f"contains({text}, '@') AND {_full(text, _EMAIL)}",
        _phone(text),
        f"CASE WHEN {_card(text)} THEN {_LUHN.format(digits=_digits(text))} END",
        _card(text),
        _iban(text),
        f"CASE WHEN {_full(text, _CLOCKLESS)} THEN year(TRY_CAST({text} AS DATE)) BETWEEN 1900 AND 2015 END",
        _national(text),
        _full(text, rf"{_OCTET}([.]{_OCTET}){{3}}"),
        f"CASE WHEN {_matches(text, '[0-9]')} THEN {_address(text)} END",
        f"{_spaces(text)} < 5 AND {_full(text, f'{_NAME_PART}( {_NAME_PART})*')}",
        f"CASE WHEN {_spaces(text)} BETWEEN 1 AND 4 THEN {_listed(_given(text))} END",
        f"CASE WHEN {_spaces(text)} = 0 THEN {_listed(f'lower({text})')} END",
    )


def _full(text: str, pattern: str, options: str = "") -> str:
    return f"regexp_full_match({text}, {literal(pattern)}{f', {literal(options)}' if options else ''})"


def _matches(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, {literal(pattern)})"


def _digits(text: str) -> str:
    return f"regexp_replace({text}, '[ -]', '', 'g')"


def _address(text: str) -> str:
    parts = [_full(text, pattern, "i") for pattern in _ADDRESSES]
    return " OR ".join([*parts, *(_full(text, pattern) for pattern in _POSTED)])


def _card(text: str) -> str:
    shape = f"{_full(text, '[0-9][0-9 -]+[0-9]')} AND length({_digits(text)}) BETWEEN 13 AND 19"
    return f"CASE WHEN length({text}) BETWEEN 13 AND 24 THEN {shape} END"


def _phone(text: str) -> str:
    digits = f"length(regexp_replace({text}, '[^0-9]', '', 'g')) BETWEEN 7 AND 20"
    none = f"(starts_with({text}, '+') OR NOT {_full(text, NUMERAL)}) AND TRY_CAST({text} AS DATE) IS NULL"
    others = f"NOT {_full(text, f'{_NATIONAL[0]}|{_BOOK}|{_OCTET}([.]{_OCTET}){{3}}')}"
    return f"CASE WHEN {_full(text, _PHONE)} AND {_full(text, _DIALLED)} THEN {digits} AND {none} AND {others} END"


def _iban(text: str) -> str:
    code = f"replace({text}, ' ', '')"
    return f"CASE WHEN {_full(code, '[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}')} THEN {_MOD_97.format(code=code)} END"


def _national(text: str) -> str:
    """Numbers of persons that can be told by their shape or check digit; those of digits alone cannot."""
    shaped = " OR ".join(_full(text, pattern) for pattern in _NATIONAL)
    dni = f"translate(upper({text}), 'XYZ', '012')"
    number = f"CAST(substr({dni}, 1, 8) AS INTEGER)"
    spanish = f"substr('{_DNI_LETTERS}', {number} % 23 + 1, 1) = substr(upper({text}), length({text}), 1)"
    nir = f"replace({text}, ' ', '')"
    french = f"97 - CAST(substr({nir}, 1, 13) AS BIGINT) % 97 = CAST(substr({nir}, 14, 2) AS BIGINT)"
    return (
        f"CASE WHEN {_full(text, '([0-9]{8}|[XYZxyz][0-9]{7})[A-Za-z]')} THEN {spanish} "
        f"WHEN {_full(nir, '[12][0-9]{2}(0[1-9]|1[0-2])[0-9]{10}')} THEN {french} ELSE {shaped} END"
    )


def _spaces(text: str) -> str:
    return f"length({text}) - length(replace({text}, ' ', ''))"


def _given(text: str) -> str:
    """The word that is the given name, if the text is a name: after a comma, else the first that is no title."""
    untitled = f"regexp_replace(lower({text}), '^(.*, |(mr|mrs|ms|dr|prof)[.]? )', '')"
    return f"split_part({untitled}, ' ', 1)"


def _listed(word: str) -> str:
    """Whether a word, or the first half of a double name, is a given name; accents do not matter."""
    first = f"split_part(strip_accents({word}), '-', 1)"
    return f"contains(_penstock_known.names, ' ' || nullif({first}, '') || ' ')"
