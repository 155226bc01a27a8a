"""Why an exam cannot be made anonymous by taking its header away: its pixels may tell who it is."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop


class MayShowThePerson(Refused):
    """The pixels may tell who it is."""

    code = "may_show_the_person"
    sentence = gettext_noop("The images may show who the person is.")
    remedy = gettext_noop("Leave this exam out of the export.")


class PicturesOfNoScanner(MayShowThePerson):
    """Secondary captures and the like."""

    code = "pictures_of_no_scanner"
    sentence = gettext_noop("The exam holds pictures that no scanner made; such pictures often carry names.")


class BurnedInText(MayShowThePerson):
    """The header says that text is in the pixels."""

    code = "burned_in_text"
    sentence = gettext_noop("The images of this exam carry burned-in text.")


class RecognizableFeatures(MayShowThePerson):
    """The header says that a person can be recognized."""

    code = "recognizable_features"
    sentence = gettext_noop("The images of this exam show features by which a person can be recognized.")


class OverlaysThere(MayShowThePerson):
    """Planes of graphics, which may be text."""

    code = "overlays_there"
    sentence = gettext_noop("The images of this exam carry overlays, which may hold text.")


class DerivedPictures(MayShowThePerson):
    """Screen captures and other pictures that somebody made of pictures."""

    code = "derived_pictures"
    sentence = gettext_noop("The images of this exam are pictures of pictures.")


class FaceShown(MayShowThePerson):
    """A face can be drawn from the slices."""

    code = "face_shown"
    sentence = gettext_noop("The exam shows a region ({region}) from which a face can be drawn.")
