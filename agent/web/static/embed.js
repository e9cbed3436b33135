// Puts the avatar into another site's page: <script src="https://avatar.example/embed.js" data-portrait="ada"></script>
//
// What the page may choose: data-portrait, data-voice, data-language, data-name; data-token where visitors need one;
// data-width and data-height, CSS lengths. The server must know the page's origin (web.embed_origins).

{
  const script = document.currentScript;
  const { width = "100%", height = "32rem", ...chosen } = script.dataset;
  const address = new URL("./", script.src);
  for (const name of ["portrait", "voice", "language", "name", "token"]) {
    if (chosen[name]) address.searchParams.set(name, chosen[name]);
  }
  const frame = document.createElement("iframe");
  frame.src = address;
  frame.title = "Talk with an avatar";
  frame.allow = "microphone; autoplay; fullscreen; screen-wake-lock";
  Object.assign(frame.style, { width, height, border: "0", borderRadius: "1rem" });
  script.after(frame);
}
