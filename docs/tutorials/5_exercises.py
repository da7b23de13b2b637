"""The four exercises: two hidden units, ReLU, a training loop, learning rates."""
import tinygrad_c as torch

x, y_true = torch.tensor(3.0), torch.tensor(2.5)

# 1. Two hidden units: w1 and b1 become vectors, the sum joins them again.
w1 = torch.tensor([2.0, -0.5], requires_grad=True)
b1 = torch.tensor([-1.0, 0.5], requires_grad=True)
w2 = torch.tensor([1.5, 1.0], requires_grad=True)
b2 = torch.tensor(0.5, requires_grad=True)
z1 = w1 * x + b1
a1 = torch.sigmoid(z1)
y_pred = (w2 * a1).sum() + b2
loss = (y_true - y_pred) ** 2
explained = torch.explain(loss)
loss.backward()
print("1. dw1", [round(g, 6) for g in w1.grad.tolist()], " dw2", [round(g, 6) for g in w2.grad.tolist()])

# 2. ReLU: the derivative is 1 where z is above 0, else 0.
z = torch.tensor([-2.0, 5.0], requires_grad=True)
torch.relu(z).sum().backward()
print("2. relu'(-2), relu'(5):", z.grad.tolist())


# 3. and 4. A loop over y = 2x + 1 with noise, at four learning rates.
def train(lr, epochs=60):
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 50)
    y = 2 * x + 1 + 0.1 * torch.randn(50)
    w, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    losses = []
    for _ in range(epochs):
        loss = ((w * x + b - y) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        w.grad, b.grad = None, None
    return w.item(), b.item(), losses


curves = {}
for lr in (0.01, 0.1, 0.5, 1.0):
    w, b, losses = train(lr)
    curves[f"lr = {lr}"] = losses
    print(f"3/4. lr {lr}: w {w:.3f}  b {b:.3f}  first loss {losses[0]:.3f}  last loss {losses[-1]:.4f}")
