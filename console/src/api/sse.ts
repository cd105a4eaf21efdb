// Server-Sent Events, read from a fetch: EventSource can send no token.

export interface Message {
  id: string;
  event: string;
  data: string;
}

// An event is a few kilobytes. What never ends is no event stream.
const maxPending = 16 << 20;

// Parser takes the text of a stream in any pieces and gives whole messages.
export class Parser {
  private pending = "";
  private id = "";
  private event = "";
  private data: string[] = [];

  push(text: string): Message[] {
    const messages: Message[] = [];
    this.pending += text;
    let from = 0;
    for (let end; (end = this.pending.indexOf("\n", from)) >= 0; from = end + 1) {
      const line = this.pending.slice(from, this.pending[end - 1] === "\r" && end > from ? end - 1 : end);
      this.line(line, messages);
    }
    this.pending = this.pending.slice(from);
    if (this.pending.length > maxPending) throw new Error("the event stream sends no whole line");
    return messages;
  }

  private line(line: string, messages: Message[]) {
    if (line === "") {
      if (this.data.length > 0) {
        messages.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
      }
      this.event = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "id") this.id = value;
    else if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
  }
}
