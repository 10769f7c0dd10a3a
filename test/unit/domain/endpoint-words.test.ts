import { addressInWords } from '../../../domain/endpoint-words';

test('says plainly whether clients find the cluster where it was', () => {
  const words = [
    addressInWords('10.0.0.62', '10.0.0.62'),
    addressInWords('10.0.0.62', '10.0.1.62'),
    addressInWords('10.0.0.62', null),
    addressInWords(null, null),
    addressInWords(null, '10.0.0.62'),
  ];
  expect(words).toEqual([
    'its endpoint has the address 10.0.0.62 again',
    'the address 10.0.0.62 is taken: its endpoint has 10.0.1.62 now',
    'the address 10.0.0.62 is taken',
    'its endpoint has other ports than before',
    'its endpoint has other ports than before: its endpoint has 10.0.0.62 now',
  ]);
});
