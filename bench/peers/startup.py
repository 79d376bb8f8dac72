"""The README's first program in escnn: what `startup` measures from the start of Python to the first line printed."""

import torch
from escnn import gspaces, nn

torch.manual_seed(0)
space = gspaces.rot2dOnR2(8)
rgb = nn.FieldType(space, 3 * [space.trivial_repr])
fields = nn.FieldType(space, 10 * [space.regular_repr])
convolution = nn.R2Conv(rgb, fields, kernel_size=5)
relu = nn.ReLU(fields)
features = relu(convolution(rgb(torch.randn(16, 3, 32, 32))))
print(features.shape, features.type, flush=True)
