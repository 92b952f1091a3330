/** What the clients of the comparison ask of each server: chats of different shapes, the same for all. */
import { SeededRandom } from '../../tools/random.ts';

export interface Task {
  readonly name: string;
  readonly describes: string;
  /** Tokens of each answer. */
  readonly answer: number;
  /** Requests (or conversations) of one measurement, by how many clients there are. */
  requests(clients: number): number;
  /** What the user says, turn by turn. Different numbers differ from their first word on. */
  turns(number: number): readonly string[];
  /** Said before everything, or null for what the template says then. */
  readonly system: string | null;
}

/** Common words, each one token with the space before it. */
const words = (
  'time year people way day man thing woman life child world school state family student group country problem hand part place case week ' +
  'company system program question work government number night point home water room mother area money story fact month lot right study ' +
  'book eye job word business issue side kind head house service friend father power hour game line end member law car city community name'
).split(' ');

function prose(number: number, length: number): string {
  const random = new SeededRandom(number + 1);
  return Array.from({ length }, () => random.pick(words)).join(' ');
}

/** A run takes seconds, and each client has more than one turn. */
const twiceEach = (clients: number) => 2 * clients;

export const tasks: readonly Task[] = [
  {
    name: 'short',
    describes: 'about 30 tokens of question after the 24 of the template, 128 out',
    answer: 128,
    requests: twiceEach,
    turns: (number) => [`${prose(number, 8)}: write a long story in which all of these things happen, one after the other.`],
    system: null,
  },
  {
    name: 'long',
    describes: '600 tokens of prompt, all of it new, 32 out',
    answer: 32,
    requests: twiceEach,
    turns: (number) => [`${prose(number, 560)}. Say what this is about.`],
    system: null,
  },
  {
    name: 'shared',
    describes: '600 tokens of instructions that all requests share, a question of about 20, 64 out',
    answer: 64,
    requests: twiceEach,
    turns: (number) => [`${prose(number, 8)}: what can be said about these things?`],
    system: `Answer at length, and keep these in mind: ${prose(-1, 580)}.`,
  },
  {
    name: 'chat',
    describes: 'conversations of four turns, about 60 tokens of question and 48 of answer each, the whole of it sent again each time',
    answer: 48,
    requests: (clients) => clients,
    turns: (number) => Array.from({ length: 4 }, (_, turn) => `${prose(4 * number + turn, 50)}: go on with the story.`),
    system: null,
  },
];
