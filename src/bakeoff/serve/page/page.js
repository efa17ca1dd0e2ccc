"use strict";

const AT_ONCE = 2; // requests; the others wait
const MOST = 200; // pictures in one go
const SHOWN = 5; // classes in view

const part = (id) => document.getElementById(id);
const waiting = [];
let running = 0;
let number = 0;
let asked = 0;
let done = 0;
let note = "";
let limits = { max_bytes: Infinity };

function filled(element, text) {
  element.textContent = text; // never HTML: names of files and classes are other people's text
  return element;
}

function percent(p) {
  if (p === 0 || p === 1) return `${p * 100} %`;
  if (p < 0.001) return "< 0.1 %";
  if (p > 0.999) return "> 99.9 %";
  return `${(p * 100).toFixed(1)} %`;
}

function megabytes(bytes) {
  return `${Math.floor(bytes / 1048576)} MiB`;
}

function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function listed(list, sentences) {
  list.replaceChildren(...sentences.map((s) => filled(document.createElement("li"), s)));
}

async function introduce() {
  const facts = await (await fetch("about")).json();
  limits = facts;
  document.title = `${facts.model} · Bakeoff`;
  filled(part("dataset"), facts.dataset ? `Bakeoff · ${facts.dataset}` : "Bakeoff");
  filled(document.querySelector("h1"), `Classify pictures with ${facts.model}`);
  filled(part("what"), `${capital(facts.what)}. ${facts.classes.length} classes: ${some(facts.classes)}.`);
  filled(part("score"), facts.score);
  filled(part("missing"), facts.missing.map((s) => `${capital(s)}.`).join(" "));
  filled(
    part("limits"),
    `Up to ${megabytes(facts.max_bytes)} and ${facts.max_pixels / 1e6} megapixels each. ` +
      "They are sent to this machine only and are not kept.",
  );
  part("warnings").hidden = !facts.warnings.length;
  listed(part("warnings"), facts.warnings);
  const about = [`Trained on ${facts.n_train} examples of ${facts.dataset || "an unknown data set"}.`];
  if (facts.description) about.push(`${facts.description}.`);
  about.push("Programs get the same answers: POST /invocations speaks MLflow's protocol.");
  listed(part("about"), about);
}

function some(names) {
  const most = 8;
  return names.length <= most
    ? names.join(", ")
    : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

function add(files) {
  const chosen = [...files].slice(0, MOST);
  if (!chosen.length) return;
  const cards = document.createDocumentFragment();
  for (const file of chosen) {
    const card = part("card").content.cloneNode(true).firstElementChild;
    const title = filled(card.querySelector("h2"), file.name || "pasted picture");
    title.id = `picture-${(number += 1)}`;
    card.setAttribute("aria-labelledby", title.id);
    filled(card.querySelector(".sentence"), "waiting …");
    cards.append(card);
    waiting.push([file, card]);
  }
  part("results").prepend(cards);
  asked += chosen.length;
  part("clear").hidden = false;
  note = files.length > MOST ? `The first ${MOST} of ${files.length} files are taken. ` : "";
  report();
  while (running < AT_ONCE && waiting.length) work();
}

function report() {
  const text = done < asked ? `${done} of ${asked} answered` : `All ${asked} answered`;
  filled(part("status"), note + text);
}

async function work() {
  running += 1;
  while (waiting.length) {
    const [file, card] = waiting.shift();
    filled(card.querySelector(".sentence"), "looking …");
    try {
      show(card, await inspected(file));
    } catch (error) {
      card.classList.add("error");
      filled(card.querySelector(".sentence"), error.message);
    }
    if (card.isConnected) {
      done += 1;
      report();
    }
  }
  running -= 1;
}

async function inspected(file) {
  if (file.size > limits.max_bytes) {
    throw new Error(`larger than ${megabytes(limits.max_bytes)}; give a smaller file`);
  }
  let body;
  try {
    body = await file.arrayBuffer();
  } catch {
    throw new Error("cannot be read; a folder, or a file that is gone");
  }
  let response;
  try {
    const headers = { "Content-Type": "application/octet-stream" };
    response = await fetch("inspect", { method: "POST", headers, body });
  } catch {
    throw new Error("the server does not answer; is `bakeoff page` still running?");
  }
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(found.message || `the server failed with status ${response.status}`);
  return found;
}

function show(card, found) {
  const first = found.classes[0];
  const unlike = found.similar !== null && found.similar.unlike;
  card.classList.add("answered");
  card.classList.toggle("unlike", unlike);
  filled(
    card.querySelector(".sentence"),
    unlike
      ? `Unlike what it was trained on: do not rely on its answer, ${first.name}.`
      : `${first.name}, ${percent(first.probability)}`,
  );
  card.querySelector(".picture").src = found.picture;
  card.querySelector(".picture").alt = `${found.width} x ${found.height} pixels`;
  const map = card.querySelector(".map");
  if (found.map === null) {
    map.remove();
    card.querySelector(".body").classList.add("single");
  } else {
    map.querySelector("img").src = found.map;
    map.querySelector("img").alt = "The same picture; bright where it speaks for the class";
    filled(map.querySelector("figcaption"), `Where it looked for ${first.name}`);
  }
  classes(card.querySelector(".found > .classes"), found.classes.slice(0, SHOWN));
  const others = card.querySelector(".others");
  if (found.classes.length <= SHOWN) others.remove();
  else {
    filled(others.querySelector("summary"), `${found.classes.length - SHOWN} more classes`);
    classes(others.querySelector(".classes"), found.classes.slice(SHOWN));
  }
  if (found.similar !== null) similar(card.querySelector(".similar"), found.similar);
  card.querySelector(".body").hidden = false;
}

function classes(list, rows) {
  for (const { name, probability } of rows) {
    const item = document.createElement("li");
    const bar = document.createElement("div");
    const length = document.createElement("span");
    length.style.width = `${probability * 100}%`;
    bar.className = "bar";
    bar.append(length);
    item.append(
      filled(document.createElement("span"), name),
      " ",
      filled(document.createElement("span"), percent(probability)),
      bar,
    );
    list.append(item);
  }
}

function similar(section, found) {
  section.querySelector("ul").append(
    ...found.pictures.map(({ image_id, name, label, distance }) => {
      const item = document.createElement("li");
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      image.loading = "lazy";
      image.alt = name;
      image.title = name;
      image.src = `training/${encodeURIComponent(image_id)}`;
      const caption = document.createElement("figcaption");
      caption.append(
        filled(document.createElement("strong"), label),
        `distance ${distance.toPrecision(2)}`,
      );
      figure.append(image, caption);
      item.append(figure);
      return item;
    }),
  );
  filled(
    section.querySelector("p"),
    `By ${found.described_by}, the nearest is ${found.distance.toPrecision(2)} away. A picture farther ` +
      `than ${found.limit.toPrecision(2)} is unlike them: ${found.share * 100} % of the training ` +
      "pictures are nearer than that to one of another group.",
  );
  section.hidden = false;
}

part("files").addEventListener("change", (event) => {
  add([...event.target.files]);
  event.target.value = ""; // so that the same file can be chosen again
});
part("clear").addEventListener("click", () => {
  waiting.length = 0;
  asked = done = 0;
  part("results").replaceChildren();
  filled(part("status"), "");
  part("clear").hidden = true;
  part("files").focus();
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) {
    event.preventDefault();
    add([...event.clipboardData.files]);
  }
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  add([...event.dataTransfer.files]);
});
introduce().catch(() => filled(part("score"), "The server does not answer; is `bakeoff page` still running?"));
