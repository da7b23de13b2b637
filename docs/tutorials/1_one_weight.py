"""One weight and one bias: forward, backward, step."""
import tinygrad_c as torch


def learn(lr, steps, show=True):
    w = torch.tensor(2.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    x = torch.tensor(3.0)
    y_true = torch.tensor(8.0)
    losses = []
    for _ in range(steps):
        y_pred = w * x + b                  # forward
        loss = (y_pred - y_true) ** 2
        loss.backward()                     # backward
        losses.append(loss.item())
        if show:
            print(f"prediction {y_pred.item():.2f}  loss {loss.item():.4f}  dw {w.grad.item():.2f}  db {b.grad.item():.2f}")
        with torch.no_grad():               # the step
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    return losses


print("learning rate 0.1")
with torch.explain.recording() as explained:
    learn(0.1, 3)
print("learning rate 0.02")
learn(0.02, 3)
curves = {"lr = 0.1": learn(0.1, 12, show=False), "lr = 0.02": learn(0.02, 12, show=False)}
