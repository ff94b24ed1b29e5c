"""What languages write in a date beside its numbers: names of months, weekdays, and words around the clock."""

from rapport.history.sql import literal

_MONTHS = {
    "jan": (
        "january",
        "januar",
        "jänner",
        "janvier",
        "janv",
        "enero",
        "ene",
        "gennaio",
        "gen",
        "januari",
        "janeiro",
        "stycznia",
        "ocak",
        "января",
        "янв",
    ),
    "feb": (
        "february",
        "februar",
        "février",
        "févr",
        "fév",
        "febrero",
        "febbraio",
        "februari",
        "fevereiro",
        "fev",
        "lutego",
        "şubat",
        "февраля",
        "фев",
    ),
    "mar": ("march", "märz", "mär", "mrz", "mars", "marzo", "maart", "mrt", "março", "marca", "mart", "марта", "мар"),
    "apr": ("april", "avril", "avr", "abril", "abr", "aprile", "kwietnia", "nisan", "апреля", "апр"),
    "may": ("mai", "mayo", "maggio", "mag", "mei", "maio", "maj", "maja", "mayıs", "мая", "май"),
    "jun": ("june", "juni", "juin", "junio", "giugno", "giu", "junho", "czerwca", "haziran", "июня", "июн"),
    "jul": ("july", "juli", "juillet", "juil", "julio", "luglio", "lug", "julho", "lipca", "temmuz", "июля", "июл"),
    "aug": ("august", "août", "agosto", "ago", "augustus", "sierpnia", "ağustos", "августа", "авг"),
    "sep": (
        "september",
        "sept",
        "septembre",
        "septiembre",
        "settembre",
        "set",
        "setembro",
        "września",
        "eylül",
        "сентября",
        "сент",
        "сен",
    ),
    "oct": (
        "october",
        "oktober",
        "okt",
        "octobre",
        "octubre",
        "ottobre",
        "ott",
        "outubro",
        "out",
        "października",
        "ekim",
        "октября",
        "окт",
    ),
    "nov": ("november", "novembre", "noviembre", "novembro", "listopada", "kasım", "ноября", "нояб"),
    "dec": (
        "december",
        "dezember",
        "dez",
        "décembre",
        "déc",
        "diciembre",
        "dic",
        "dicembre",
        "dezembro",
        "grudnia",
        "aralık",
        "декабря",
        "дек",
    ),
}
# What languages write between a date and its clock, and how a clock is written without colons.
_BETWEEN = r"um|à|at|às|om|kl\.?|alle|ore|a las"
WORDED = rf" ({_BETWEEN}) \d|\d ?uhr$|\d ?h ?\d\d$|[ -]\d{{1,2}}\.\d\d(\.\d\d.*|\D*)$|:\d\d,\d|\d ?г\.|^/date\(|\d\. \d"
WEEKDAY = r"(星期|周|週)[一二三四五六日天]|\([一二三四五六日月火水木金土월화수목금토]\)"


def without_words(date: str) -> str:
    """Turn 3.1.2022 um 15.43 Uhr, 3/1/2022 à 15h43 and 2022. 1. 3. 15:43 into a date and a clock with colons."""
    date = rf"regexp_replace(regexp_replace({date}, '(:\d\d),(\d)', '\1.\2'), '(\d) ?г\.', '\1')"
    date = rf"regexp_replace({date}, '^(\d{{4}})\. (\d{{1,2}})\. (\d{{1,2}})\.', '\1-\2-\3')"
    date = rf"regexp_replace({date}, ',? (?:{_BETWEEN}) (\d)', ' \1', 'i')"
    date = rf"regexp_replace(regexp_replace({date}, ' ?uhr$', '', 'i'), '(\d) ?h ?(\d\d)$', '\1:\2')"
    date = rf"regexp_replace({date}, '[ ,]+(\d{{1,2}})\.(\d\d)( ?[ap]m)?$', ' \1:\2\3', 'i')"
    return rf"regexp_replace({date}, '[ ,]+(\d{{1,2}})\.(\d\d)\.(\d\d(?:\.\d+)?)( ?[ap]m)?$', ' \1:\2:\3\4', 'i')"


def without_asian_signs(date: str) -> str:
    """Turn 2022年1月3日 星期一 下午3时43分 into 2022-1-3 3:43 PM."""
    date = f"regexp_replace({date}, {literal(f' *({WEEKDAY})')}, '')"
    date = rf"regexp_replace({date}, '^(\d{{4}})[年년] *(\d{{1,2}})[月월] *(\d{{1,2}})[日号일]? *', '\1-\2-\3 ')"
    date = rf"regexp_replace({date}, '(\d{{1,2}})[时時点點시] *(\d{{1,2}})[分분]?(?: *(\d{{1,2}}[秒초]))?', '\1:\2:\3')"
    date = f"regexp_replace({date}, '[:秒초]+(上午|下午|$)', '\\1')"
    date = rf"regexp_replace({date}, '(上午|凌晨|早上|오전) *(\d.*)$', '\2 AM')"
    return rf"rtrim(regexp_replace({date}, '(下午|晚上|中午|오후) *(\d.*)$', '\2 PM'))"


def without_month_names(date: str) -> str:
    """Turn 3-jan-2022 and january 3, 2022 into 2022-01-3; any other text stays as it is."""
    words = {name: short for short, names in _MONTHS.items() for name in (short, *names)}
    listed = "|".join(sorted(words, key=len, reverse=True))
    numbers = {short: f"{number:02d}" for number, short in enumerate(_MONTHS, 1)}
    keys, values = (", ".join(map(literal, each)) for each in (words, (numbers[short] for short in words.values())))
    name = rf"(?:^|[^\pL])({listed})(?:[^\pL]|$)"
    # The name of a month becomes a number in angle brackets; a weekday before it has no meaning.
    # A CASE would repeat the extraction for each of the names.
    month = f"map([{keys}], [{values}])[regexp_extract({date}, {literal(name)}, 1)]"
    marked = f"replace({date}, regexp_extract({date}, {literal(name)}, 1), '<' || ({month}) || '>')"
    day, year, gap = r"(\d{1,2})(?:st|nd|rd|th|\.)?", r"(\d{4}|\d{2})", r"(?:[-/., ]+|de |of )*"
    moved = rf"regexp_replace(regexp_replace({marked}, ' \([a-z ]+\)$', ''), '^\pL+\.?,? +', '')"
    moved = rf"regexp_replace({moved}, '^<(\d\d)> +(\d{{1,2}}) (\d[\d:]+)(?: [a-z]{{3,4}})? (\d{{4}})$', '\4-\1-\2 \3')"
    moved = rf"regexp_replace({moved}, '^{day}{gap}<(\d\d)>{gap}{year}(\D|$)', '\3-\2-\1\4')"
    moved = rf"regexp_replace({moved}, '^<(\d\d)>{gap}{day}{gap}{year}(\D|$)', '\3-\1-\2\4')"
    moved = rf"regexp_replace({moved}, '^(\d{{4}}){gap}<(\d\d)>{gap}(\d{{1,2}})', '\1-\2-\3')"
    moved = rf"regexp_replace(regexp_replace({moved}, '^([0-6]\d)-', '20\1-'), '^([7-9]\d)-', '19\1-')"
    return f"upper(CASE WHEN ({month}) IS NULL THEN {date} ELSE {moved} END)"
