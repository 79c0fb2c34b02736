"""Trains a network on two processes and more that load data; rank 0 prints what it reaches.

    torchrun --nproc_per_node 2 ddp.py --lr 0.1
"""

import argparse
import json

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()

dist.init_process_group("gloo")
torch.manual_seed(1)
x = torch.randn(256, 8)
data = TensorDataset(x, x @ torch.randn(8, 1))
sampler = DistributedSampler(data)
loader = DataLoader(data, batch_size=32, sampler=sampler, num_workers=1, persistent_workers=True)
model = DistributedDataParallel(torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
for epoch in range(args.epochs):
    sampler.set_epoch(epoch)
    total = torch.zeros(1)
    for batch, target in loader:
        loss = torch.nn.functional.mse_loss(model(batch), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach() / len(loader) / dist.get_world_size()
    dist.all_reduce(total)
    if dist.get_rank() == 0:
        print(json.dumps({"epoch": epoch, "loss": total.item()}), flush=True)
dist.destroy_process_group()
