/**
 * A page with mpegts.js, the player of FLV in browsers, and headless Chromium to open it. It seeks by the keyframe
 * index alone: what is not in its buffer it asks the server for from the byte on that the index says.
 */
import { chromium, type Browser } from "playwright-core";
import { which } from "./programs.ts";

/** What the page tells of a seek; times in seconds. */
export type Sought = {
  readonly duration: number;
  readonly width: number;
  readonly height: number;
  readonly indexed: boolean;
  readonly time: number;
  /** The picture at that time, in grey. */
  readonly picture: number[];
};

/** Opens Chromium without a window and without a word to any other machine. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: which("chromium")!,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
}

/** A page whose `seek(url, seconds)` plays a file, seeks, and resolves with Sought; `library` is a path. */
export function playerPage(library: string): string {
  return `<!doctype html><link rel=icon href="data:,"><video muted></video><script src="${library}"></script>
<script>
const video = document.querySelector("video");
const when = (name, holds) => new Promise((resolve) => {
  const look = () => holds() && (video.removeEventListener(name, look), resolve());
  video.addEventListener(name, look);
});
// What is drawn is the frame that was shown last, which may lag behind the events.
const shown = (from) => new Promise((resolve) => {
  const look = (_, { mediaTime }) => mediaTime >= from ? resolve(mediaTime) : video.requestVideoFrameCallback(look);
  video.requestVideoFrameCallback(look);
});
function grey() {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, i) =>
    Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]));
}
async function seek(url, seconds) {
  const source = { type: "flv", url, isLive: false };
  // Little is loaded ahead, so that the place is not in the buffer when it is sought.
  const lazy = { lazyLoadMaxDuration: 3, lazyLoadRecoverDuration: 1, enableStashBuffer: false };
  const rules = { ...lazy, seekType: "range", accurateSeek: false };
  const player = mpegts.createPlayer(source, rules);
  const failed = new Promise((_, reject) =>
    player.on(mpegts.Events.ERROR, (...why) => reject(new Error(why.join(" ")))));
  const work = async () => {
    player.attachMediaElement(video);
    player.load();
    // It moves the start itself as long as nothing plays.
    const begun = when("timeupdate", () => video.currentTime > 0.2);
    await player.play();
    await begun;
    video.pause();
    const there = shown(seconds / 2);
    player.currentTime = seconds;
    const time = await there;
    const { videoWidth: width, videoHeight: height, duration } = video;
    return { duration, width, height, time, indexed: player.mediaInfo.hasKeyframesIndex, picture: grey() };
  };
  return Promise.race([work(), failed]);
}
</script>`;
}
