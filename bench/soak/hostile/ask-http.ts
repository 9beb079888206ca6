/** One attack on the HTTP door: bytes out by a bare socket, the status and problem code of the answer back. */
import { connect, type Socket } from 'node:net';
import { targetOf } from '../../processes/claimd.ts';
import type { HttpAttack } from './http-attacks.ts';

const ANSWER_MS_MAX = 20_000;

/** For tables: `400 BAD_REQUEST`, or what is wrong with the answer. */
export async function answerTo({ pieces }: HttpAttack, address: string): Promise<string> {
  const socket = connect(targetOf(address));
  const answers = new Answers(socket);
  try {
    let heard = 0;
    for (const piece of pieces) {
      if (piece === 'answer') await answers.at(heard++);
      else socket.write(piece);
    }
    return problemOf(await answers.at(heard));
  } finally {
    socket.destroy();
  }
}

type Answer = { status: number; type: string; body: string };

function problemOf(answer: Answer | string): string {
  if (typeof answer === 'string') return answer;
  const { status, type, body } = answer;
  if (!type.startsWith('application/problem+json')) return `${status} as ${type || 'nothing'}`;
  try {
    const problem: { status?: number; code?: string } = JSON.parse(body);
    return problem.status === status ? `${status} ${problem.code}` : `${status} with status ${problem.status}`;
  } catch {
    return `${status} with a body that is not JSON`;
  }
}

/** Reads answers that say their length, one after the other. */
class Answers {
  readonly #answers: Answer[] = [];
  #text = '';
  #end: string | null = null;
  #wake = () => {};

  constructor(socket: Socket) {
    socket.setEncoding('latin1').setTimeout(ANSWER_MS_MAX);
    socket.on('data', (text: string) => {
      this.#text += text;
      this.#read();
      this.#wake();
    });
    const end = (reason: string) => () => {
      this.#end ??= reason;
      this.#wake();
    };
    socket.on('timeout', end('no answer')).on('error', end('reset')).on('close', end('closed without an answer'));
  }

  async at(index: number): Promise<Answer | string> {
    for (;;) {
      const answer = this.#answers[index];
      if (answer !== undefined) return answer;
      if (this.#end !== null) return this.#end;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #read(): void {
    for (;;) {
      const head = /^HTTP\/1\.1 (\d{3})[\s\S]*?\r\n\r\n/.exec(this.#text);
      if (head === null) return;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head[0])?.[1] ?? 0);
      const type = /\r\ncontent-type: *([^\r]+)/i.exec(head[0])?.[1] ?? '';
      if (this.#text.length < head[0].length + length) return;
      const body = this.#text.slice(head[0].length, head[0].length + length);
      this.#text = this.#text.slice(head[0].length + length);
      this.#answers.push({ status: Number(head[1]), type, body });
    }
  }
}
