"""The price of a house: one hidden unit, every gradient by hand and by backward()."""
import tinygrad_c as torch

x, y_true = torch.tensor(3.0), torch.tensor(2.5)
w1 = torch.tensor(2.0, requires_grad=True)
b1 = torch.tensor(-1.0, requires_grad=True)
w2 = torch.tensor(1.5, requires_grad=True)
b2 = torch.tensor(0.5, requires_grad=True)

z1 = w1 * x + b1
a1 = torch.sigmoid(z1)
y_pred = w2 * a1 + b2
loss = (y_true - y_pred) ** 2
print(f"z1 {z1.item():.4f}  a1 {a1.item():.6f}  prediction {y_pred.item():.6f}  loss {loss.item():.6f}")

explained = torch.explain(loss)             # before backward(): all values are there
loss.backward()
for name, parameter in (("w1", w1), ("b1", b1), ("w2", w2), ("b2", b2)):
    print(f"d{name} {parameter.grad.item():.6f}")

with torch.no_grad():
    for parameter in (w1, b1, w2, b2):
        parameter -= 0.1 * parameter.grad
print("after one step:", *[f"{parameter.item():.6f}" for parameter in (w1, b1, w2, b2)])
new = w2 * torch.sigmoid(w1 * x + b1) + b2
print(f"prediction {new.item():.6f}  loss {((y_true - new) ** 2).item():.6f}")
