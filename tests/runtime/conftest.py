import os

# Both must be set before mindspore is loaded: without the cap, oneDNN 3.10 falls into a reference
# convolution on AVX-512 machines; 3 silences the warnings of the C++ side.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")

import mindspore as ms
import pytest


@pytest.fixture(autouse=True, scope="session")
def _graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)  # mindspore 2.10 starts in PyNative mode
