"""A model that somebody made with PyTorch: `torch_model.py train.csv model.pt FEATURES LABEL`.

FEATURES are comma-separated columns of the CSV file in tensor order. A logistic regression on
standardised inputs, an empty cell taken as the column's mean; saved by torch.jit, as its users do.
"""

import csv
import sys

import torch


class Risk(torch.nn.Module):
    def __init__(self, mean, scale):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.linear = torch.nn.Linear(mean.shape[0], 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        filled = torch.where(torch.isnan(rows), self.mean, rows)
        return torch.sigmoid(self.linear((filled - self.mean) / self.scale))


def main(data, out, features, label):
    torch.manual_seed(1)
    with open(data, newline="") as file:
        lines = list(csv.DictReader(file))
    columns = features.split(",")
    x = torch.tensor([[float(line[c]) if line[c] else float("nan") for c in columns] for line in lines])
    y = torch.tensor([[float(line[label])] for line in lines])
    mean = torch.nanmean(x, 0)
    filled = torch.where(torch.isnan(x), mean, x)
    model = Risk(mean, filled.std(0) + 1e-6)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy(model(x), y).backward()
        optimizer.step()
    torch.jit.script(model.eval()).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
