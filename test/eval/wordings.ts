/** How the evaluation asks. None of these wordings is among the training's (`wordings.test.ts` compares them). */

export const wordings = {
  colour: [
    "Could you name the {shape}'s colour?",
    'Look at the {shape}. What is its colour?',
    'Which colour did they give the {shape}?',
    'I need the colour of the {shape} in this image.',
    'In your view, what is the color of this {shape}?',
  ],
  shape: [
    'Look at the {colour} object. What is its shape?',
    'Which of the shapes is {colour}?',
    'Which of the seven shapes did they paint {colour}?',
    'Something here is {colour}. What shape is that?',
    'What kind of {colour} shape do you see?',
  ],
  onlyShape: ['Could you name the shape in this image?', 'Which shape did they draw?', 'Which of the shapes you know is this?'],
  presence: [
    'Could {thing} be found among what was painted?',
    'Could you check this image for {thing}?',
    'Looking it over, do you come across {thing}?',
    'I am looking for {thing}. Is there one?',
    'Have you found {thing} in this image?',
  ],
  place: [
    'I am looking for the {shape}. Where is it?',
    'Where did they put the {shape}?',
    'Which area of this image does the {shape} lie in?',
    'What place does the {shape} take in this image?',
  ],
  leftOf: ['Going left from the {shape}, which shape do you meet?', 'What has been drawn on the left of the {shape}?'],
  rightOf: ['Going right from the {shape}, which shape do you meet?', 'What has been drawn on the right of the {shape}?'],
  count: [
    'How many {shapes} would you say there are?',
    'How many {shapes} did you find here?',
    'I need to know the number of {shapes} in this image.',
    'Please give me the count of {shapes}.',
  ],
  letter: ['Which letter did they write here?', 'Could you read this letter to me?', 'What is the name of this letter?'],
  word: ['Which word did they write here?', 'Could you read this word to me?', 'Which word have you read in this image?'],
  number: ['Which number did they write here?', 'Could you read this number to me?', 'Which number have you read in this image?'],
  foreign: [
    'What can you tell me about this image?',
    'Could you explain to me what is seen here?',
    'Please tell me what this is a picture of.',
    'Give me a short account of what is in this photo.',
    'Which things do you recognise in this image?',
  ],
} as const satisfies Record<string, readonly string[]>;

export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** Puts values into the `{slots}` of a wording. */
export function fill(wording: string, slots: Readonly<Record<string, string>>): string {
  return wording.replaceAll(/\{(\w+)\}/g, (slot, name: string) => slots[name] ?? slot);
}

export function plural(noun: string): string {
  return noun.endsWith('s') ? `${noun}es` : `${noun}s`;
}
