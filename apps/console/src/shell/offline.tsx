import { Alert } from '@mantine/core';
import { useNetwork } from '@mantine/hooks';
import { IconWifiOff } from '@tabler/icons-react';

/** Said on every page while the browser has no network: what is shown may be old. */
export const Offline = () => {
  const { online } = useNetwork();
  if (online) return null;
  return (
    <Alert icon={<IconWifiOff size={18} />} color="yellow" title="No network" mb="md" role="status">
      What is shown may be old. Live lists go on by themselves when the network is back.
    </Alert>
  );
};
