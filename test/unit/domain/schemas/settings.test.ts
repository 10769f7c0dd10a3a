import { parseSettings } from '../../../../domain/schemas/settings';

const NEEDED = {
  HOLDFAST_HOME: '/x',
  HOLDFAST_INSTALL_ID: 'abcdef012345',
  DATABASE_URL: 'postgres://localhost/x',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
};

test('no Temporal Web UI is needed; an empty variable is none, and nonsense is refused by its name', () => {
  expect(parseSettings(NEEDED).TEMPORAL_UI_URL).toBeNull();
  expect(parseSettings({ ...NEEDED, TEMPORAL_UI_URL: '' }).TEMPORAL_UI_URL).toBeNull();
  expect(parseSettings({ ...NEEDED, TEMPORAL_UI_URL: 'http://ui:8233' }).TEMPORAL_UI_URL).toBe('http://ui:8233');
  for (const nonsense of ['ui:8233', 'javascript:alert(1)'])
    expect(() => parseSettings({ ...NEEDED, TEMPORAL_UI_URL: nonsense })).toThrow('TEMPORAL_UI_URL');
});
