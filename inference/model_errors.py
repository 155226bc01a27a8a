"""The honest no of the learned models: weights that cannot be trusted, and images that they must not see."""

from __future__ import annotations

from registration.errors import Refused, gettext_noop


class ModelRefused(Refused):
    """A learned model that is not used; base of all refusals of models."""

    code = "model_refused"
    sentence = gettext_noop("This model is not used.")
    remedy = gettext_noop("Choose another version, or none: everything works without a model.")


class NoSuchModel(ModelRefused):
    """A version that nobody has put there."""

    code = "no_such_model"
    sentence = gettext_noop("There is no version '{version}' of a model for '{task}'.")


class VersionTaken(ModelRefused):
    """Two models of one task and version: which one a result came from could not be told."""

    code = "model_version_taken"
    sentence = gettext_noop("There is a {version} for '{name}' already.")
    remedy = gettext_noop("Give the model a version of its own.")


class BadCard(ModelRefused):
    """A card that does not say what a card must say."""

    code = "model_card_is_wrong"
    sentence = gettext_noop("The card {file} is not used: {reason}.")
    remedy = gettext_noop("Write the card as docs/models/README.md says.")


class WeightsMissing(ModelRefused):
    """A card without its weights beside it."""

    code = "model_weights_missing"
    sentence = gettext_noop("The weights of {name} {version} are not beside its card.")
    remedy = gettext_noop("Put the file beside the card, named as the card is.")


class WeightsTooLarge(ModelRefused):
    """A file that no small network needs."""

    code = "model_weights_too_large"
    sentence = gettext_noop("The weights of {name} {version} take {size_mb:.1f} MB; at most {limit_mb:.0f} are read.")


class WeightsChanged(ModelRefused):
    """The file is not the one that the card is about."""

    code = "model_weights_changed"
    sentence = gettext_noop("The weights of {name} {version} are not those that its card was written for.")
    remedy = gettext_noop("Put the original file back, or choose another version.")


class UnknownArchitecture(ModelRefused):
    """Weights for a network that this program does not have."""

    code = "model_architecture_unknown"
    sentence = gettext_noop("{name} {version} is built as '{architecture}', which this program does not know.")
    remedy = gettext_noop("Give safetensors of a known architecture, TorchScript or ONNX.")


class WeightsDoNotFit(ModelRefused):
    """The file holds other tensors than the architecture has, or cannot be read."""

    code = "model_weights_do_not_fit"
    sentence = gettext_noop("The weights of {name} {version} do not fit: {reason}.")


class CheckRunFailed(ModelRefused):
    """Asked a fixed question, the model did not answer as the contract of its task demands."""

    code = "model_check_run_failed"
    sentence = gettext_noop("Tried on a fixed input, {name} {version} {reason}.")


class NotForNetworks(ModelRefused):
    """An image on which a network would answer, and wrongly."""

    code = "image_not_for_networks"
    sentence = gettext_noop("No network looks at this image: {reason}.")
    remedy = gettext_noop("Read it without; check that it is a CT of the chest in Hounsfield units.")


class NotOutlined(ModelRefused):
    """A place where a network draws no outline."""

    code = "not_outlined"
    sentence = gettext_noop("The network outlines nothing at this point: {reason}.")
    remedy = gettext_noop("Use the measured outline, or draw one by hand.")
