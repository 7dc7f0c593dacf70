import { Sparkline } from '@mantine/charts';
import classes from './budgets.module.css';

/** A small picture of figures in their order. */
const Spark = ({ data, label }: { readonly data: readonly number[]; readonly label: string }) => (
  <span className={classes.spark} role="img" aria-label={label}>
    <Sparkline
      data={[...data]}
      h={24}
      w={112}
      curveType="monotone"
      strokeWidth={1.5}
      fillOpacity={0.15}
      color="var(--mantine-primary-color-filled)"
    />
  </span>
);
export default Spark;
