// Shows the settings of this installation, which proves that files, settings and
// policy work together.
const state = document.getElementById("state");

function report(text, kind) {
  state.textContent = text;
  state.className = "state " + kind;
}

try {
  const response = await fetch("/config.json");
  if (!response.ok) throw new Error("status " + response.status);
  const config = await response.json();
  document.getElementById("issuer").textContent = config.issuer;
  document.getElementById("client").textContent = config.clientId;
  document.getElementById("version").textContent = config.version;
  report("The settings were read. This installation is ready for the console.", "ok");
} catch (error) {
  report("The settings could not be read: " + error.message + ". Reload the page.", "bad");
}
