"""How dates are written for readers of English: the month as a word, so that no day can be read as a month."""

DATE_FORMAT = "d-M-Y"
SHORT_DATE_FORMAT = "d-M-Y"
MONTH_DAY_FORMAT = "d-M"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "d-M-Y H:i"
SHORT_DATETIME_FORMAT = "d-M-Y H:i"
DATE_INPUT_FORMATS = ["%d-%b-%Y", "%Y-%m-%d"]
HEADLINE_DAY_FORMAT = "l j F"
