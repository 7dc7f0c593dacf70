import { Kbd, Modal, Table } from '@mantine/core';
import { useShortcutList } from './shortcuts.js';

/** Every key that works here and now. */
export const KeyboardHelp = ({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) => {
  const shortcuts = useShortcutList();
  return (
    <Modal opened={opened} onClose={onClose} title="Keys">
      <Table>
        <Table.Tbody>
          {shortcuts.map(({ keys, does }) => (
            <Table.Tr key={`${keys} ${does}`}>
              <Table.Th scope="row" fw={400}>
                {keys.split(' ').map((key, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the same key may stand twice, and nothing moves
                  <Kbd key={index} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Th>
              <Table.Td>{does}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
};
