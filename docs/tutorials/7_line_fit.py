"""A line through 100 points: gradients by hand, by backward(), and with Adam."""
import tinygrad_c as torch
from tinygrad_c import nn

torch.manual_seed(0)
x = torch.linspace(0, 1, 100).unsqueeze(1)
y = 2.0 * x + 1.0 + 0.1 * torch.randn_like(x)
loss_fn = nn.MSELoss()


def start():
    torch.manual_seed(1)
    return nn.Linear(1, 1)


def fit(way, epochs, lr=0.1):
    model, losses = start(), []
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        y_pred = model(x)
        loss = loss_fn(y_pred, y)
        losses.append(loss.item())
        model.zero_grad()
        if way == "by hand":
            grad_output = 2 * (y_pred - y) / y.size(0)          # dL/dy_pred
            with torch.no_grad():
                model.weight -= lr * (grad_output * x).sum()
                model.bias -= lr * grad_output.sum()
        else:
            loss.backward()
            if way == "Adam":
                optimizer.step()
            else:
                with torch.no_grad():
                    for param in model.parameters():
                        param -= lr * param.grad
    return model, losses


curves = {}
for way, epochs in (("by hand", 50), ("backward()", 50), ("Adam", 50), ("backward()", 300), ("Adam", 300)):
    model, losses = fit(way, epochs)
    curves[f"{way}, {epochs}"] = losses
    print(f"{way:10} {epochs:3} epochs: w {model.weight.item():.4f}  b {model.bias.item():.4f}  loss {losses[-1]:.5f}")

model = start()
y_pred = model(x)
loss = loss_fn(y_pred, y)
explained = torch.explain(loss)
