"""Which tensor gets a gradient, and why gradients are cleared."""
import tinygrad_c as torch

w = torch.tensor(2.0, requires_grad=True)   # this one asks for a gradient
x = torch.tensor(3.0)                       # this one does not
y = w * x
loss = (y - 8) ** 2
loss.backward()
print("w.grad", w.grad.item(), " x.grad", x.grad)

with torch.explain.recording() as explained:
    w = torch.tensor(2.0, requires_grad=True)
    for _ in range(2):                      # not cleared: the second gradient is added to the first
        y = w * 3
        loss = (y - 5) ** 2
        loss.backward()
        print("kept:", w.grad.item())
    for _ in range(2):                      # cleared before each backward pass
        w.grad.zero_()
        y = w * 3
        loss = (y - 5) ** 2
        loss.backward()
        print("cleared:", w.grad.item())
