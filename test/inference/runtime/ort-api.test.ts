import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import t from 'tap';
import { runtimeLibraryPath } from '../../../inference/runtime/native-library.ts';
import { ort, runtimeVersion } from '../../../inference/runtime/ort-api.ts';

t.test('the library is the one that onnxruntime-node ships', async (t) => {
  t.equal(runtimeVersion(), createRequire(import.meta.url)('onnxruntime-node/package.json').version);
});

t.test('the last function of the table sits where the table says', async (t) => {
  t.match(ort().GetBuildInfoString(), /^ORT Build Info: /);
});

t.test('every platform with a build has its own file', async (t) => {
  const builds = [
    ['linux', 'x64'],
    ['linux', 'arm64'],
    ['darwin', 'arm64'],
    ['win32', 'x64'],
    ['win32', 'arm64'],
  ] as const;
  for (const [platform, arch] of builds) t.ok(existsSync(runtimeLibraryPath(platform, arch)), `${platform}-${arch}`);
  t.throws(() => runtimeLibraryPath('aix', 'ppc64'), { message: /no build for aix/ });
});
