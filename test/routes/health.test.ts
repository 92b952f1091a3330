import t from 'tap';
import { testApp } from '../app-helper.ts';

t.test('health, ready and version of a server whose model is there', async (t) => {
  const { app } = testApp(t);
  t.strictSame((await app.inject('/health')).json(), { status: 'ok' });
  t.strictSame((await app.inject('/ready')).json(), { status: 'ready' });
  t.match((await app.inject('/version')).json(), { version: /^\d+\.\d+\.\d+/ });
});

t.test('while the model loads the process is healthy, but not ready', async (t) => {
  const { app, backend } = testApp(t);
  backend.phase = { phase: 'loading', step: 'weights' };
  t.equal((await app.inject('/health')).statusCode, 200);
  const ready = await app.inject('/ready');
  t.equal(ready.statusCode, 503);
  t.match(ready.headers, { 'retry-after': /^\d+$/ });
  t.match(ready.json(), { error: { code: 'model_loading', type: 'server_error' } });
});

t.test('a model that could not be loaded is not ready, and says nothing of why', async (t) => {
  const { app, backend } = testApp(t);
  backend.phase = { phase: 'failed', error: new Error('/secret/path') };
  const ready = await app.inject('/ready');
  t.equal(ready.statusCode, 503);
  t.notMatch(ready.body, /secret/);
});
