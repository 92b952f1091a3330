import t from 'tap';
import { type Expected, right } from './judge.ts';

const honest = 'I am a small demonstration model that only knows drawn shapes and letters; MODEL= loads a real one.';

/** What is expected, answers that are right, answers that are not. */
const cases: [Expected, string[], string[]][] = [
  [
    { kind: 'colour', is: 'red' },
    ['red', 'Red.', 'The circle is red.', 'It is RED', 'crimson'],
    ['blue', 'red or blue', 'It is redder', '', 'The red circle is blue.', honest],
  ],
  [{ kind: 'colour', is: 'grey' }, ['gray', 'The star is Grey.'], ['green']],
  [
    { kind: 'shape', is: 'star', colour: 'red' },
    ['star', 'A red star.', 'It is a Star.', 'star-shaped'],
    ['blue star', 'a star and a heart', 'square', honest],
  ],
  [{ kind: 'shape', is: 'circle' }, ['It is round.', 'circles', 'a disc'], ['a round square']],
  [
    { kind: 'neighbour', is: 'star', side: 'left', of: 'heart' },
    [
      'A blue star is left of the red heart.',
      'star',
      'The star.',
      'To the left of the heart is a star.',
      'The heart is to the right of the star.',
    ],
    [
      'The heart.',
      'A circle is left of the heart.',
      'A star and a circle.',
      'The heart is left of the star.',
      'The star is on the right of the heart.',
    ],
  ],
  [
    { kind: 'presence', is: true, shape: 'circle', colour: 'red' },
    ['Yes', 'Yes, there is a red circle.', 'There is one.', 'Yes, the red circle is left of the blue star.', 'I see a red circle.'],
    ['No.', 'No, there is no circle.', 'yes and no', 'maybe', 'Yes, there is a blue circle.', 'I see a star.', `Yes. ${honest}`],
  ],
  [
    { kind: 'presence', is: false, shape: 'star' },
    [
      'No',
      'No, there is not.',
      'There is no star.',
      "There isn't a star.",
      'I cannot see a star.',
      "I don't see one.",
      'No, only a circle.',
    ],
    ['Yes.', 'There is a star.', 'I am not sure.', 'I do not know.', 'I am a demonstration model and not a general one.'],
  ],
  [
    { kind: 'place', is: ['left', 'top'] },
    ['top left', 'In the upper left corner.', 'Top-Left', 'at the left, near the top', 'At the top left, right of the square.'],
    ['left', 'top right', 'top left and bottom', 'in the middle'],
  ],
  [
    { kind: 'place', is: ['left'] },
    ['On the left.', 'middle left', 'on the left side, in the centre'],
    ['top left', 'right', 'left or right', 'It is left of the blue square.'],
  ],
  [{ kind: 'place', is: [] }, ['In the middle.', 'It is in the center', 'right in the centre'], ['left', 'middle left', 'nowhere']],
  [
    { kind: 'count', is: 3 },
    ['3', 'three', 'There are three circles.', '3 (three)', 'THREE'],
    ['4', 'two or three', 'many', '13', 'twenty-three', 'thirteen', 'a hundred and three'],
  ],
  [{ kind: 'count', is: 1 }, ['There is one heart.', '1', 'A single heart.'], ['One or two', '11', 'a pair']],
  [
    { kind: 'text', is: 'CROW' },
    [
      'CROW',
      'crow',
      'It says "CROW".',
      'The word is crow.',
      'The text says CROW',
      "It's the word 'CROW'.",
      'CROW in red letters',
      "It's Crow",
    ],
    ['CROWD', 'It says CROW or COW', 'The word "COW"', 'C R O W', '"CROW" or "COW"', "It's the word 'COW'."],
  ],
  [
    { kind: 'text', is: 'A' },
    ['A', 'The letter is A.', 'It is an A.', 'It is the letter "A".', 'The letter is a.', 'A is written here.', 'a'],
    ['It is a B.', 'B', 'a letter', 'I see a letter.', 'A B'],
  ],
  [{ kind: 'text', is: 'B' }, ['It is a B.', 'b', "It's B.", 'I see the capital letter B'], ['It is A.', 'A B', 'P', 'B or P']],
  [{ kind: 'text', is: 'S' }, ["It's S.", "The letter's S"], ["It's a letter.", "It's B."]],
  [
    { kind: 'text', is: '47' },
    ['47', 'The number is 47.', 'forty-seven', 'It says "forty seven".'],
    ['4', '74', '4 7', 'four seven', '47 or 41', '470', 'forty'],
  ],
  [{ kind: 'text', is: '105' }, ['105', 'a hundred and five', 'one hundred five'], ['100 and 5', '15', 'one hundred']],
  [{ kind: 'text', is: '7' }, ['7', 'Seven.', 'The number seven.'], ['1', 'seventy', '17']],
  [
    { kind: 'honest' },
    [honest, 'I see no circle here: this demo knows only letters and shapes such as circles.'],
    ['A red circle.', 'I see a demonstration.', 'It is a cat.', 'I see a red circle. I am a demonstration model for shapes.'],
  ],
];

t.test('an answer is right when it names the value and no other', (t) => {
  for (const [expected, good, bad] of cases) {
    const is = JSON.stringify(expected);
    for (const answer of good) t.ok(right(answer, expected), `${is}: ${answer}`);
    for (const answer of bad) t.notOk(right(answer, expected), `${is}: not ${answer}`);
  }
  t.end();
});
