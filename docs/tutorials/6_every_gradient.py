"""Linear, ReLU, Linear: see the gradient of each layer."""
import tinygrad_c as torch
from tinygrad_c import nn

torch.manual_seed(0)
x = torch.unsqueeze(torch.linspace(-1, 1, 10), dim=1)
y = 2 * x + 3 + 0.1 * torch.randn(x.size())

model = nn.Sequential(
    nn.Linear(1, 2),
    nn.ReLU(),
    nn.Linear(2, 1),
)
criterion = nn.MSELoss()

y_pred = model(x)
loss = criterion(y_pred, y)
explained = torch.explain(loss)
loss.backward()

print(f"loss {loss.item():.4f}")
for name, param in model.named_parameters():
    print(name, param.data.flatten().tolist(), "gradient", param.grad.flatten().tolist())
