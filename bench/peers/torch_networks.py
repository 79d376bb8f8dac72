"""The works of bench/networks/works.ts in PyTorch: with escnn where the work is equivariant, in PyTorch alone where it is not.
Layer tables: README.md beside this file."""

import math

import torch
from torch import nn as plain

POINTS, NEIGHBOURS, SIDE = 2000, 16, 8.0
BLOCKS = [  # fields out, kernel size, padding, antialiased pooling (stride, padding) behind it
    (24, 7, 1, None),
    (48, 5, 2, (2, None)),
    (48, 5, 2, None),
    (96, 5, 2, (2, None)),
    (96, 5, 2, None),
    (64, 5, 1, (1, 0)),
]


def head(channels):
    return plain.Sequential(
        plain.Flatten(), plain.Linear(channels, 64), plain.BatchNorm1d(64), plain.ELU(), plain.Linear(64, 10)
    )


class OnTensor(plain.Module):
    """An equivariant body and a plain head as a map from tensor to tensor."""

    def __init__(self, body, after=None):
        super().__init__()
        self.body, self.after = body, after

    def forward(self, x):
        y = self.body(self.body.in_type(x)).tensor
        return y if self.after is None else self.after(y)

    def export(self):
        layers = [exported(self.body)]
        return plain.Sequential(*(layers if self.after is None else [*layers, self.after]))


class AsTensors(plain.Module):
    """An escnn module that has no export, in eval mode, as a map from tensor to tensor."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(self.module.in_type(x)).tensor


def exported(module):
    """What escnn exports; the parts it has no export for run as they are."""
    from escnn import nn

    if hasattr(module, "export_parts"):
        return module.export_parts()
    if isinstance(module, nn.SequentialModule):
        return plain.Sequential(*[exported(part) for part in module.children()])
    try:
        return module.export()
    except NotImplementedError:
        return AsTensors(module)


def tutorial_c8():
    from escnn import gspaces, nn

    space = gspaces.rot2dOnR2(8)
    kind = nn.FieldType(space, [space.trivial_repr])
    modules = [nn.MaskModule(kind, 29, margin=1)]
    for fields, kernel_size, padding, pool in BLOCKS:
        out = nn.FieldType(space, fields * [space.regular_repr])
        modules += [
            nn.R2Conv(kind, out, kernel_size, padding=padding, bias=False),
            nn.InnerBatchNorm(out),
            nn.ReLU(out, inplace=True),
        ]
        if pool is not None:
            modules.append(nn.PointwiseAvgPoolAntialiased(out, sigma=0.66, stride=pool[0], padding=pool[1]))
        kind = out
    modules.append(nn.GroupPooling(kind))
    return OnTensor(nn.SequentialModule(*modules), head(len(kind)))


class Blur(plain.Module):
    """A Gaussian of fixed width on every channel, with a stride."""

    def __init__(self, channels, stride, padding):
        super().__init__()
        radius = round(3 * 0.66)
        profile = torch.exp(-(torch.arange(-radius, radius + 1).float() ** 2) / (2 * 0.66**2))
        profile /= profile.sum()
        self.stride, self.padding = stride, radius if padding is None else padding
        self.register_buffer("filter", torch.outer(profile, profile).expand(channels, 1, -1, -1).contiguous())

    def forward(self, x):
        return plain.functional.conv2d(x, self.filter, stride=self.stride, padding=self.padding, groups=x.shape[1])


class MaxOverChannels(plain.Module):
    """The maximum over groups of eight channels."""

    def forward(self, x):
        return x.unflatten(1, (-1, 8)).amax(2)


def conventional():
    layers, channels = [], 1
    for fields, kernel_size, padding, pool in BLOCKS:
        out = 8 * fields
        layers += [
            plain.Conv2d(channels, out, kernel_size, padding=padding, bias=False),
            plain.BatchNorm2d(out),
            plain.ReLU(inplace=True),
        ]
        if pool is not None:
            layers.append(Blur(out, *pool))
        channels = out
    return plain.Sequential(*layers, MaxOverChannels(), head(channels // 8))


def wrn():
    from escnn import gspaces, nn

    def fields(space, planes):
        order = space.fibergroup.order()
        return nn.FieldType(space, int(planes * math.sqrt(order) / order) * [space.regular_repr])

    def conv(kind, out, kernel_size, stride=1):
        return nn.R2Conv(
            kind, out, kernel_size, padding=(kernel_size - 1) // 2, stride=stride, bias=False,
            frequencies_cutoff=lambda r: 3 * r,
        )

    class Block(nn.EquivariantModule):
        def __init__(self, kind, inner, out, kernel_size, stride):
            super().__init__()
            self.in_type, self.out_type = kind, out
            self.activation = nn.SequentialModule(nn.InnerBatchNorm(kind), nn.ReLU(kind, inplace=True))
            self.main = nn.SequentialModule(
                conv(kind, inner, kernel_size),
                nn.InnerBatchNorm(inner),
                nn.ReLU(inner, inplace=True),
                nn.PointwiseDropout(inner, p=0.3),
                conv(inner, out, kernel_size, stride),
            )
            self.shortcut = conv(kind, out, 1, stride) if stride != 1 or kind != out else None

        def forward(self, x):
            y = self.activation(x)
            return self.main(y) + (x if self.shortcut is None else self.shortcut(y))

        def evaluate_output_shape(self, shape):
            return self.main.evaluate_output_shape(shape)

        def export_parts(self):
            return PlainBlock(*[None if m is None else exported(m) for m in (self.activation, self.main, self.shortcut)])

    orders, planes = [4, 2, 1], [16, 64, 128, 256]
    space = gspaces.flipRot2dOnR2(4)
    image = nn.FieldType(space, 3 * [space.trivial_repr])
    kind = fields(space, planes[0])
    modules = [conv(image, kind, 5)]
    for stage, order in enumerate(orders):
        if stage > 0:
            restricted = nn.RestrictionModule(kind, (0, order))
            parts = nn.DisentangleModule(restricted.out_type)
            modules.append(nn.SequentialModule(restricted, parts))
            kind = parts.out_type
            space = kind.gspace
        kernel_size = 3 if order in (2, 4) else 5
        inner = fields(space, planes[stage + 1])
        last = stage == 2
        out = nn.FieldType(space, int(planes[3] * math.sqrt(2)) * [space.trivial_repr]) if last else inner
        modules.append(Block(kind, inner, out, kernel_size, 1 if stage == 0 else 2))
        kind = out
    modules += [nn.InnerBatchNorm(kind, momentum=0.9), nn.ReLU(kind, inplace=True)]
    after = plain.Sequential(plain.AdaptiveAvgPool2d(1), plain.Flatten(), plain.Linear(kind.size, 10))
    return OnTensor(nn.SequentialModule(*modules), after)


class PlainBlock(plain.Module):
    """What a residual block exports to."""

    def __init__(self, activation, main, shortcut):
        super().__init__()
        self.activation, self.main, self.shortcut = activation, main, shortcut

    def forward(self, x):
        y = x if self.activation is None else self.activation(x)
        return self.main(y) + (x if self.shortcut is None else self.shortcut(y))


def se3():
    from escnn import gspaces, group, nn

    space = gspaces.rot3dOnR3()
    so3 = space.fibergroup

    def powers(highest):
        vector, parts = so3.irrep(1), [so3.irrep(0)]
        for k in range(1, highest + 1):
            parts.append(vector if k == 1 else parts[-1].tensor(vector))
        return group.directsum(parts, name=f"powers_{highest}")

    class Block(nn.EquivariantModule):
        def __init__(self, kind, channels, out):
            super().__init__()
            elu = nn.FourierELU(space, channels, irreps=so3.bl_irreps(2), inplace=True, type="thomson_cube", N=4)
            self.in_type, self.out_type = kind, out
            self.main = nn.SequentialModule(
                nn.R3Conv(kind, elu.in_type, 3, padding=1, bias=False),
                nn.IIDBatchNorm3d(elu.in_type, affine=True),
                elu,
                nn.R3Conv(elu.out_type, out, 3, padding=1, stride=2, bias=False),
            )
            self.shortcut = nn.SequentialModule(
                nn.PointwiseAvgPoolAntialiased3D(kind, 0.33, 2, 1), nn.R3Conv(kind, out, 1, bias=False)
            )

        def forward(self, x):
            return self.main(x) + self.shortcut(x)

        def evaluate_output_shape(self, shape):
            return self.main.evaluate_output_shape(shape)

        def export_parts(self):
            return PlainBlock(None, exported(self.main), exported(self.shortcut))

    p2, p3 = powers(2), powers(3)
    voxels = nn.FieldType(space, [space.trivial_repr])
    kind = nn.FieldType(space, 3 * [p2])
    modules = [nn.R3Conv(voxels, kind, 5, padding=2, bias=False)]
    for fields, channels in [(2, 2), (6, 5), (12, 5), (8, 10)]:
        out = nn.FieldType(space, fields * [p3])
        modules.append(Block(kind, channels, out))
        kind = out
    invariants = nn.QuotientFourierELU(
        space, (False, -1), 128, irreps=so3.bl_irreps(2), out_irreps=so3.bl_irreps(0),
        grid=so3.sphere_grid(type="thomson_cube", N=1), inplace=True,
    )
    modules += [nn.R3Conv(kind, invariants.in_type, 3, bias=False), invariants]
    layers = [plain.Flatten()]
    for source, target in [(128, 256), (256, 128)]:
        layers += [plain.Linear(source, target, bias=False), plain.BatchNorm1d(target), plain.ELU(), plain.Dropout(0.1)]
    return OnTensor(nn.SequentialModule(*modules), plain.Sequential(*layers, plain.Linear(128, 10)))


def octa():
    from escnn import gspaces, nn

    space = gspaces.octaOnR3()
    kind = nn.FieldType(space, 2 * [space.regular_repr])
    return OnTensor(nn.R3Conv(kind, kind, 5, padding=2))


def readme_conv():
    from escnn import gspaces, nn

    space = gspaces.rot2dOnR2(8)
    rgb, fields = nn.FieldType(space, 3 * [space.trivial_repr]), nn.FieldType(space, 10 * [space.regular_repr])
    return OnTensor(nn.SequentialModule(nn.R2Conv(rgb, fields, 5), nn.ReLU(fields)))


def cloud():
    """Coordinates of the points, from the same generator as in bench/networks/layers.ts."""
    state, values = 1, []
    for _ in range(3 * POINTS):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values.append(SIDE * state / 2147483648)
    return torch.tensor(values).reshape(POINTS, 3)


class PointNetwork(plain.Module):
    """A steerable convolution on fixed points."""

    def __init__(self):
        super().__init__()
        from escnn import gspaces, nn

        space = gspaces.rot3dOnR3()
        self.kind = nn.FieldType(space, 16 * [space.irrep(l) for l in range(3)])
        self.conv = nn.R3PointConv(self.kind, self.kind, width=1.0, n_rings=3)
        self.points = None

    def forward(self, x):
        from escnn import nn

        if self.points is None:
            positions = cloud()
            distances = torch.cdist(positions.double(), positions.double()).fill_diagonal_(math.inf)
            sources = distances.topk(NEIGHBOURS, largest=False).indices.flatten()
            targets = torch.arange(POINTS).repeat_interleave(NEIGHBOURS)
            self.points = positions, torch.stack([sources, targets])
        return self.conv(nn.GeometricTensor(x, self.kind, self.points[0]), self.points[1]).tensor

    def export(self):
        return self


def dense_conv():
    return plain.Conv2d(64, 64, 5, padding=2)


# Name: whether it is escnn's, builder, shape of the inputs, whether the loss is the cross-entropy of ten classes, options of Adam.
WORKS = {
    "readme-conv": (True, readme_conv, (16, 3, 32, 32), False, {}),
    "tutorial-c8": (True, tutorial_c8, (64, 1, 29, 29), True, {"lr": 5e-5, "weight_decay": 1e-5}),
    "conventional": (False, conventional, (64, 1, 29, 29), True, {"lr": 5e-5, "weight_decay": 1e-5}),
    "wrn": (True, wrn, (4, 3, 96, 96), True, {}),
    "se3": (True, se3, (2, 1, 33, 33, 33), True, {}),
    "octa": (True, octa, (2, 48, 17, 17, 17), False, {}),
    "point": (True, PointNetwork, (POINTS, 144), False, {}),
    "dense-conv": (False, dense_conv, (64, 64, 29, 29), False, {}),
}
