import t from 'tap';
import { type Expected, right } from './judge.ts';

const cases: [Expected, string[], string[]][] = [
  [
    { kind: 'colour', is: 'red' },
    ['red', 'Red.', 'The circle is red.', 'It is RED'],
    ['blue', 'red or blue', 'It is redder', '', 'The red circle is blue.'],
  ],
  [{ kind: 'colour', is: 'grey' }, ['gray', 'The star is grey.'], ['green']],
  [{ kind: 'shape', is: 'star', colour: 'red' }, ['star', 'A red star.', 'It is a star.'], ['blue star', 'a star and a heart', 'square']],
  [
    { kind: 'shape', is: 'star', beside: 'heart' },
    ['A blue star is left of the red heart.', 'star', 'The star.'],
    ['The heart.', 'A circle is left of the heart.', 'A star and a circle.'],
  ],
  [
    { kind: 'presence', is: true },
    ['Yes', 'Yes, there is a red circle.', 'There is one.'],
    ['No.', 'No, there is no circle.', 'yes and no', 'maybe'],
  ],
  [{ kind: 'presence', is: false }, ['No', 'No, there is not.', 'There is no star.'], ['Yes.', 'There is a star.']],
  [{ kind: 'place', is: ['left', 'top'] }, ['top left', 'In the upper left corner.'], ['left', 'top right', 'top left and bottom']],
  [{ kind: 'place', is: ['left'] }, ['On the left.', 'middle left'], ['top left', 'right', 'left or right']],
  [{ kind: 'place', is: [] }, ['In the middle.', 'It is in the center'], ['left', 'middle left', 'nowhere']],
  [{ kind: 'count', is: 3 }, ['3', 'three', 'There are three circles.', '3 (three)'], ['4', 'two or three', 'many', '13']],
  [{ kind: 'count', is: 1 }, ['There is one heart.', '1'], ['One or two', '11']],
  [
    { kind: 'text', is: 'CROW' },
    ['CROW', 'crow', 'It says "CROW".', 'The word is crow.', 'The text says CROW'],
    ['CROWD', 'It says CROW or COW', 'The word "COW"', 'C R O W'],
  ],
  [{ kind: 'text', is: 'A' }, ['A', 'The letter is A.', 'It is an A.', 'It is the letter "A".'], ['It is a B.', 'B', 'a letter']],
  [{ kind: 'text', is: 'B' }, ['It is a B.', 'b'], ['It is A.', 'A B']],
  [{ kind: 'text', is: '47' }, ['47', 'The number is 47.'], ['4', '74', '4 7']],
  [
    { kind: 'honest' },
    ['I am a small demonstration model that only knows drawn shapes and letters; MODEL= loads a real one.'],
    ['A red circle.', 'I see a demonstration.', 'It is a cat.'],
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
