"""torch on the CPU: ten steps of training each, then the output and all parameters."""

import pytest

torch = pytest.importorskip("torch")
nn = torch.nn


class Bag(nn.Module):
    """Sums of embeddings; their gradient adds up rows that occur more than once."""

    def __init__(self):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(512, 16, mode="sum"), nn.Linear(16, 1)

    def forward(self, x):
        return self.head(self.bag((x * 128 + 256).long()))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(4, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x):
        return self.head(self.cell(x.reshape(len(x), 5, 4))[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.layer(x.reshape(len(x), 5, 4)).mean(dim=1))


MODELS = {
    "Linear": lambda: nn.Linear(20, 1),
    "MLP": lambda: nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 1)),
    "MLP_dropout": lambda: nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 1)),
    "CNN": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 4, 5)),
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(160, 1),
    ),
    "LSTM": Recurrent,
    "Transformer": Attention,
    "EmbeddingBag": Bag,
}


@pytest.mark.repro
@pytest.mark.parametrize("name", MODELS)
def test_model(repro, X, target, name):
    x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(target, dtype=torch.float32)
    model = MODELS[name]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(10):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x).squeeze(1), y).backward()
        optimizer.step()
    repro.artifact("output", model.eval()(x).detach())
    repro.artifact("model", model)
