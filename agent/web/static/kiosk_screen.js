// What a touch screen must not do when nobody is there to undo it: menus, zoom, selection, dragging; and it stays on.

const ZOOM_KEYS = ["+", "-", "=", "0"];

/** Takes away from visitors what would leave the page in another state than they found it. */
export function refuseGestures() {
  const refuse = (event) => event.preventDefault();
  for (const kind of ["contextmenu", "selectstart", "dragstart", "gesturestart", "drop", "dragover"]) {
    addEventListener(kind, refuse);
  }
  addEventListener("wheel", (event) => event.ctrlKey && refuse(event), { passive: false });
  addEventListener("touchmove", (event) => event.touches.length > 1 && refuse(event), { passive: false });
  addEventListener("keydown", (event) => {
    const isZoom = (event.ctrlKey || event.metaKey) && ZOOM_KEYS.includes(event.key);
    if (isZoom || ["F5", "F11", "F12", "BrowserBack"].includes(event.key)) refuse(event);
  });
  // No way back to where the browser came from.
  history.pushState(null, "");
  addEventListener("popstate", () => history.pushState(null, ""));
}

/** Keeps the screen on; a browser takes that back whenever the page is hidden. */
export async function keepAwake() {
  const hold = async () => {
    if (document.hidden) return;
    try {
      await navigator.wakeLock?.request("screen");
    } catch {
      // A low battery, or a browser that doesn't: the system's own settings decide, then.
    }
  };
  document.addEventListener("visibilitychange", hold);
  await hold();
}
