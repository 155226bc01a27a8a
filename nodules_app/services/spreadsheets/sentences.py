"""What is said of a line: why it is not taken, what a person has to say first, and what was taken differently."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop


class IdentifierNotNamed(Refused):
    """No column says whose line it is."""

    code = "list_identifier_not_named"
    sentence = gettext_noop("No column is named as the patient's number.")
    remedy = gettext_noop("Choose the column that tells each patient from all others.")


class NotAsChecked(Refused):
    """Something changed between the check that was shown and the storing."""

    code = "list_not_as_checked"
    sentence = gettext_noop("{count} line(s) would be stored otherwise than the page showed, the first is line {line}.")
    remedy = gettext_noop("Somebody worked on these patients meanwhile. Check the list again; nothing was stored.")


class AlreadyStored(Refused):
    """The list was stored, or laid aside."""

    code = "list_already_stored"
    sentence = gettext_noop("This list is stored or laid aside already.")
    remedy = gettext_noop("Send the list again if it has changed; what is known is not stored twice.")


class NotCheckedYet(Refused):
    """Nobody has seen what would be stored."""

    code = "list_not_checked"
    sentence = gettext_noop("This list has not been checked to its end.")
    remedy = gettext_noop("Wait for the check, look at it, and store then.")


class FileGone(Refused):
    """The upload is not kept any more."""

    code = "list_file_gone"
    sentence = gettext_noop("The file of this list is not kept any more.")
    remedy = gettext_noop("Send it again.")


class BesideTheHeadings(Refused):
    """An unquoted separator within a text has moved every cell after it one place on."""

    code = "line_beside_headings"
    sentence = gettext_noop("“{value}” stands in column {column}, which has no heading: a separator within a text?")
    remedy = gettext_noop("Look whether the cells stand below their headings, or save the list as .xlsx.")


class AnotherLineRefused(Refused):
    """A patient is taken over whole or not at all."""

    code = "line_of_refused_patient"
    sentence = gettext_noop("Line {line} of the same patient cannot be taken as it is.")
    remedy = gettext_noop("Mend that line; a patient is taken over whole or not at all.")


class LinesContradict(Refused):
    """One number, two persons."""

    code = "lines_contradict"
    sentence = gettext_noop("Lines {lines} give this number two different persons: {values}.")
    remedy = gettext_noop("Correct the number or the person in one of them.")


class SaidTwice(Refused):
    """The same once more."""

    code = "line_said_twice"
    sentence = gettext_noop("Line {line} says the same.")


class SaidDifferently(Refused):
    """Two lines about one nodule on one day that differ."""

    code = "line_said_differently"
    sentence = gettext_noop("Line {line} says something else of the same patient, nodule and day.")
    remedy = gettext_noop("Give the two nodules numbers, or strike the line that is wrong.")


class OfAnotherClinic(Refused):
    """The number is known, and not ours."""

    code = "line_of_another_clinic"
    sentence = gettext_noop("A patient with this number is followed by another clinic here.")
    remedy = gettext_noop("Let that clinic hand the patient over first, or strike the line.")


class CareHasEnded(Refused):
    """Nothing is owed to this patient, and somebody said why."""

    code = "line_of_ended_care"
    sentence = gettext_noop("The care of this patient has ended here.")
    remedy = gettext_noop("Follow the patient again on their page first, or strike the line.")


class PersonDiffers(Refused):
    """A known number with another name, day of birth or sex."""

    code = "line_person_differs"
    sentence = gettext_noop("The number is known here; what is known is {known}, the list says {said}.")
    remedy = gettext_noop(
        "If it is the same person, take the line: what is known here stays. If it is not, correct the number."
    )


class LooksLike(Refused):
    """Another number, and probably a patient whom we follow."""

    code = "line_looks_like"
    sentence = gettext_noop("A patient like this is followed here under the number {number}.")
    remedy = gettext_noop("If it is another person, take the line. If it is the same one, write that number.")


class LooksLikeLine(Refused):
    """Two numbers in the list that are probably one person."""

    code = "line_looks_like_line"
    sentence = gettext_noop("Line {line} has the same name and day of birth under another number.")
    remedy = gettext_noop("If they are two persons, take both lines. If not, write one number in both.")


class NodulesAreFollowed(Refused):
    """A notice: the patient's nodules came from images."""

    code = "line_nodules_followed"
    sentence = gettext_noop("Nodules of this patient are followed here already, from images.")
    remedy = gettext_noop("What the list says of nodules is told beside them; no nodule is added.")


class StepStands(Refused):
    """A notice: the patient's step came from here."""

    code = "line_step_stands"
    sentence = gettext_noop("A step of this patient stands here already; it stays as it is.")
    remedy = gettext_noop("Change it on the patient's page if the list is right.")


class OwnerUnknown(Refused):
    """A notice: the step has no owner."""

    code = "line_owner_unknown"
    sentence = gettext_noop("“{owner}” has no account at this clinic; the step has no owner.")
    remedy = gettext_noop("Give the step to somebody on the worklist.")


class DischargeAsked(Refused):
    """A notice: nothing is discharged by a list."""

    code = "line_discharge_asked"
    sentence = gettext_noop("The list says that follow-up has ended; a clinician is asked to decide.")
    remedy = gettext_noop("It stays on the worklist until somebody signs.")


class NoStepSaid(Refused):
    """A notice: nobody is taken over without a next step."""

    code = "line_no_step_said"
    sentence = gettext_noop("The list names no next step; a reader is asked to look.")
    remedy = gettext_noop("Enter the next step when you have looked.")


class NoDueSaid(Refused):
    """A notice: the clinic's own number of days holds."""

    code = "line_no_due_said"
    sentence = gettext_noop("The list names no day for the next step; it is due within {days} days.")
    remedy = gettext_noop("Give it another day on the patient's page if that is wrong.")


class NothingFollowed(Refused):
    """A notice: a person without a nodule and without a step."""

    code = "line_nothing_followed"
    sentence = gettext_noop("The line names neither a nodule nor a next step; nothing is owed to this patient.")
    remedy = gettext_noop("Add one of the two to the list if the patient is followed.")
