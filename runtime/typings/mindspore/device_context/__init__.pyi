from mindspore.device_context import ascend as ascend
from mindspore.device_context import gpu as gpu
