"""A hospital's network in ONNX, run by ONNX Runtime on the processor, also where the other networks run on a GPU.

The runtime is loaded when the first such network is opened (26 MB), and never where none is.
"""

from __future__ import annotations

import os
from typing import Any, Final

import torch
from torch import Tensor, nn

from inference.model_card import ModelCard
from inference.model_errors import WeightsDoNotFit

ONNX: Final = "onnx"  # in a card, in place of an architecture of ours
EXTERNAL_FOLDER: Final = "session.model_external_initializers_file_folder_path"


class OnnxNetwork(nn.Module):
    """Asks a session of the runtime; one input and one output, both of single precision."""

    def __init__(self, session: Any, faults: tuple[type[Exception], ...]) -> None:  # noqa: ANN401 - untyped package
        super().__init__()
        self._session, self._faults = session, faults
        self._input = session.get_inputs()[0].name

    def forward(self, patches: Tensor) -> Tensor:
        """Answer; a fault of the runtime is a ``RuntimeError`` as it is torch's."""
        try:
            told = self._session.run(None, {self._input: patches.cpu().numpy()})[0]
        except self._faults as fault:
            raise RuntimeError(str(fault).splitlines()[0]) from fault
        return torch.from_numpy(told)


def read_onnx(card: ModelCard, content: bytes) -> OnnxNetwork:
    """Build the network that a file describes, on as many threads as torch has.

    Weights must be within the file: the card's digest would say nothing of others, so none beside it are read.

    Raises
    ------
    WeightsDoNotFit
    """
    import onnxruntime  # noqa: PLC0415 half a second and 26 MB that nobody without such a model should pay
    from onnxruntime.capi import onnxruntime_pybind11_state as state  # noqa: PLC0415 as above

    faults: tuple[type[Exception], ...] = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf)
    faults += (state.NoSuchFile, state.NotImplemented, state.RuntimeException)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # its refusals are ours to say
    options.add_session_config_entry(EXTERNAL_FOLDER, os.devnull)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except faults as fault:
        raise WeightsDoNotFit(name=card.task, version=card.version, reason="this is no ONNX file that runs") from fault
    if len(session.get_inputs()) != 1 or len(session.get_outputs()) != 1:
        raise WeightsDoNotFit(name=card.task, version=card.version, reason="it has not one input and one output")
    return OnnxNetwork(session, faults)
