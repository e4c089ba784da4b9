// The menu of versions: shown where publish.py has put this site beside others.
const menu = document.querySelector(".versions select");
const json = (url) => fetch(url).then((response) => response.json());

async function fill() {
  const root = new URL(menu.dataset.root || "./", location.href);
  if (!(await json(new URL("_static/published.json", root)))) return;
  const above = new URL("../", root);
  const here = decodeURIComponent(root.pathname.split("/").at(-2)); // a name, which `main` is too
  const versions = await json(new URL("versions.json", above));
  for (const name of versions) {
    const option = new Option(name, new URL(`${encodeURIComponent(name)}/`, above).href);
    option.selected = name === here;
    menu.append(option);
  }
  menu.addEventListener("change", () => location.assign(menu.value));
  menu.parentElement.hidden = false;
}

if (menu && location.protocol.startsWith("http")) fill();
