"""Two exams in, everything we know out: the whole comparison without a database, behind ``manage.py compare``."""
