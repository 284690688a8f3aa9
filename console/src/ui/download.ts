/** Gives the browser a text as a file. Characters that a file's name may not have become a hyphen. */
export function download(name: string, text: string, type = "application/json") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
