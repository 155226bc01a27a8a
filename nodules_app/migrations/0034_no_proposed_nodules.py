"""A nodule is never a proposal: those are rows of their own, and the state that stood for it goes.

No act of the program ever made a nodule of that state. Should a row hold it all the same, nothing was said of it and
nothing owed for it, which is what ``taken_back`` means.
"""

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

STATES = ["active", "not_a_nodule", "resolved", "resected", "discharged", "merged", "taken_back"]
# The constraint trigger of the table has to have run before the table can be altered in the same transaction.
NO_PROPOSALS = """
UPDATE nodules_app_nodule SET state = 'taken_back' WHERE state = 'candidate';
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0033_outcomes"),
    ]

    operations = [
        migrations.RunSQL(NO_PROPOSALS, migrations.RunSQL.noop),
        migrations.RemoveConstraint("nodule", "nodule_is_in_a_known_state"),
        migrations.AlterField(
            "nodule",
            "state",
            models.CharField(choices=[(state, state) for state in STATES], default="active", max_length=20),
        ),
        AddConstraintNotValid(
            "nodule",
            models.CheckConstraint(condition=models.Q(state__in=STATES), name="nodule_is_in_a_known_state"),
        ),
        ValidateConstraint("nodule", "nodule_is_in_a_known_state"),
    ]
