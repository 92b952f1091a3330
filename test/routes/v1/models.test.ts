import t from 'tap';
import { testApp } from '../../app-helper.ts';
import { scriptedBackend, scriptedModel } from '../../scripted-backend.ts';

t.test('every name is listed, also while the model loads', async (t) => {
  const { app, backend } = testApp(t);
  backend.phase = { phase: 'loading', step: 'weights' };
  const response = await app.inject('/v1/models');
  t.equal(response.statusCode, 200);
  const model = {
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'firellava-gateway',
    root: 'scripted',
    max_model_len: 2048,
    license: 'apache-2.0',
    modalities: ['text', 'image'],
  };
  t.strictSame(response.json(), {
    object: 'list',
    data: [
      { id: 'scripted', ...model },
      { id: 'accounts/test/models/scripted', ...model },
    ],
  });
});

t.test('what is not known of a model that loads is left out', async (t) => {
  const { maxModelLen, modalities, ...known } = scriptedModel;
  const backend = { ...scriptedBackend(), models: () => [known] };
  const { app } = testApp(t, backend);
  const response = await app.inject('/v1/models/scripted');
  t.equal(response.statusCode, 200);
  t.strictSame(response.json(), {
    id: 'scripted',
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'firellava-gateway',
    root: 'scripted',
    license: 'apache-2.0',
  });
});

t.test('a model by name or alias, with its slashes as such or encoded', async (t) => {
  const { app } = testApp(t);
  for (const path of ['scripted', 'accounts/test/models/scripted', 'accounts%2Ftest%2Fmodels%2Fscripted']) {
    const response = await app.inject(`/v1/models/${path}`);
    t.equal(response.statusCode, 200, path);
    t.equal(response.json().id, decodeURIComponent(path));
  }
});

t.test('a model that is not there is 404', async (t) => {
  const { app } = testApp(t);
  for (const path of ['gpt-4o', 'a/b', '']) {
    const response = await app.inject(`/v1/models/${path}`);
    t.equal(response.statusCode, 404, path);
    t.match(response.json(), { error: { code: 'model_not_found', type: 'invalid_request_error' } });
  }
});
