"""A net with the shape of a digit reader: 784 inputs, 128 and 64 hidden units, 10 outputs."""
import tinygrad_c as torch
from tinygrad_c import nn


class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.hidden1 = nn.Linear(784, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = self.flatten(x)
        x = self.hidden1(x)
        x = torch.relu(x)
        x = self.hidden2(x)
        x = torch.sigmoid(x)
        x = self.out(x)
        return x


torch.manual_seed(0)
model = NeuralNetwork()
x, y = torch.rand(64, 1, 28, 28), torch.rand(64, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()
losses = []
for epoch in range(100):
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if epoch in (0, 9, 99):
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")

with torch.explain.recording() as explained:
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    optimizer.zero_grad()
    loss.backward()
curves = {"loss": losses}
