// Enter in a field predicts; what was answered is read to those who do not see it; fields that hold
// no value are marked as such.
export default function ({ data, parentElement }) {
  const page = parentElement.ownerDocument;
  const region = parentElement.querySelector("[role=status]");
  const form = () => page.querySelector(`.st-key-${data.form}`);

  const told = `${data.turn} ${data.text}`;
  if (region.told !== told) {
    region.told = told;
    region.textContent = data.text;
  }

  for (const input of form()?.querySelectorAll("input[type=number]") ?? []) {
    const field = input.closest("[class*=st-key-field_]");
    const bad = data.bad.some((key) => field.classList.contains(`st-key-${key}`));
    bad ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
  }

  region.press = () => page.querySelector(`.st-key-${data.button} button`)?.click();
  if (region.dataset.listening) return;
  region.dataset.listening = "true";
  const onKey = (event) => {
    const inField = event.target.matches?.("input[type=number], [role=spinbutton]");
    if (event.key !== "Enter" || event.isComposing || !inField) return;
    // After the field's own handler, which takes over the typed value.
    if (form()?.contains(event.target)) setTimeout(region.press, 0);
  };
  page.addEventListener("keydown", onKey);
  return () => page.removeEventListener("keydown", onKey);
}
