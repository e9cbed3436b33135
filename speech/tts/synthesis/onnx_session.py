"""How networks are run with onnxruntime: on one thread, and without keeping memory for the longest sentence so far."""

from __future__ import annotations

from typing import Any

import onnxruntime


def open_session(model: bytes) -> Any:
    """Loads a network for the CPU.

    Args:
        model: an ONNX file's content.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
